import Probing
import Watching

/// `/api/v1/openapi.json`: the JSON API and `/probe` in OpenAPI 3.1.
enum OpenAPIDocument {
    static func text(prefix: String) -> String {
        let standings = list(WatchStanding.allCases.map(\.rawValue))
        let states = list(ConfigurationState.allCases.map(\.rawValue))
        let fields = list(ConfigurationField.allCases.map(\.rawValue))
        let sources = list(WatchSource.allCases.map(\.rawValue))
        let baselines = list(BaselineSource.allCases.map(\.rawValue))
        let notices = list(ConfigurationChange.Notice.allCases.map(\.rawValue))
        let reasons = list(ProbeFailureReason.allCases.map(\.rawValue))
        return """
            {
              "openapi": "3.1.0",
              "info": {
                "title": "partoo-webhook-exporter",
                "version": "1",
                "description": "What the exporter knows of each watched webhook. Read-only; no secret is ever in an answer. HEAD works wherever GET does; other methods are answered with 405. Parameters that are not named here are ignored. Large answers are gzipped where Accept-Encoding allows it."
              },
              "security": [{}, {"basic": []}],
              "servers": [{"url": "\(prefix.isEmpty ? "/" : prefix)"}],
              "paths": {
                "/api/v1/webhooks": {
                  "get": {
                    "operationId": "listWebhooks",
                    "summary": "Watched webhooks, worst first, 200 a page",
                    "parameters": [
                      {"name": "state", "in": "query", "schema": {"enum": \(list([""] + WatchStanding.allCases.map(\.rawValue)))}},
                      {"name": "account", "in": "query", "example": "acme", "schema": {"type": "string"}},
                      {"name": "q", "in": "query", "description": "Contained in identity, target, event type or a label, whatever the case.",
                       "example": "team=integrations", "schema": {"type": "string"}},
                      {"name": "page", "in": "query", "description": "From 1; past the last one the list is empty.", "schema": {"type": "integer", "minimum": 1, "maximum": \(WatchFilter.maximumPage)}}
                    ],
                    "responses": {
                      "200": {"description": "One page", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookList"}}}},
                      "400": {"$ref": "#/components/responses/Error"},
                      "401": {"$ref": "#/components/responses/Unauthorized"}
                    }
                  }
                },
                "/api/v1/webhooks/{account}/{id}": {
                  "get": {
                    "operationId": "getWebhook",
                    "summary": "One webhook: baseline against observed, last probes, changes",
                    "parameters": [
                      {"name": "account", "in": "path", "required": true, "example": "acme", "schema": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"}},
                      {"name": "id", "in": "path", "required": true, "example": 1, "schema": {"type": "integer", "minimum": 0}}
                    ],
                    "responses": {
                      "200": {"description": "The webhook", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/WebhookDetail"}}}},
                      "401": {"$ref": "#/components/responses/Unauthorized"},
                      "404": {"$ref": "#/components/responses/Error"}
                    }
                  }
                },
                "/api/v1/openapi.json": {
                  "get": {
                    "operationId": "getOpenAPI",
                    "summary": "This document",
                    "responses": {
                      "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
                      "401": {"$ref": "#/components/responses/Unauthorized"}
                    }
                  }
                },
                "/probe": {
                  "get": {
                    "operationId": "probe",
                    "summary": "One webhook's metrics after a probe now",
                    "description": "Joins a probe that runs, reuses one younger than 5 s, reads the API only when a check is due. Counts in no counter. What is probed and sent is the watch's alone.",
                    "parameters": [
                      {"name": "webhook_id", "in": "query", "required": true, "example": 1, "schema": {"type": "integer", "minimum": 0, "maximum": 999999999999999999}},
                      {"name": "account", "in": "query", "description": "Needed where there is more than one.",
                       "schema": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{0,64}$"}},
                      {"name": "debug", "in": "query", "description": "A redacted log; with --web.enable-debug only.", "schema": {"type": "boolean"}},
                      {"name": "name[]", "in": "query", "description": "Only these families.", "schema": {"type": "array", "items": {"type": "string"}}},
                      {"name": "X-Prometheus-Scrape-Timeout-Seconds", "in": "header",
                       "description": "The answer is there half a second before it, or after half of one of less than a second.",
                       "schema": {"type": "number", "minimum": 0.001, "maximum": 86400}}
                    ],
                    "responses": {
                      "200": {"description": "Metrics in the format that Accept prefers", "content": {
                        "text/plain": {"schema": {"type": "string"}},
                        "application/openmetrics-text": {"schema": {"type": "string"}},
                        "application/vnd.google.protobuf": {"schema": {"type": "string"}}}},
                      "400": {"$ref": "#/components/responses/Text"},
                      "401": {"$ref": "#/components/responses/Unauthorized"},
                      "403": {"$ref": "#/components/responses/Text"},
                      "404": {"$ref": "#/components/responses/Text"},
                      "503": {"description": "No probe can be made at the moment",
                        "headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
                        "content": {"text/plain": {"schema": {"type": "string"}}}},
                      "504": {"$ref": "#/components/responses/Text"}
                    }
                  }
                }
              },
              "components": {
                "securitySchemes": {
                  "basic": {"type": "http", "scheme": "basic", "description": "Where the web configuration file names users."}
                },
                "responses": {
                  "Unauthorized": {"description": "No user, or a wrong password, where the web configuration file names users",
                    "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
                    "content": {"text/plain": {"schema": {"type": "string"}}}},
                  "Error": {"description": "Why not", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
                  "Text": {"description": "Why not", "content": {"text/plain": {"schema": {"type": "string"}}}}
                },
                "schemas": {
                  "Error": {"type": "object", "required": ["error"], "additionalProperties": false,
                    "properties": {"error": {"type": "string"}}},
                  "Time": {"type": "string", "format": "date-time"},
                  "Phases": {"type": "object", "description": "Seconds; a phase that did not take place is left out.", "additionalProperties": false,
                    "properties": {"resolve": {"type": "number"}, "connect": {"type": "number"}, "tls": {"type": "number"},
                      "processing": {"type": "number"}, "transfer": {"type": "number"}}},
                  "WebhookList": {"type": "object", "required": ["page", "max_page", "count", "items"], "additionalProperties": false,
                    "properties": {"page": {"type": "integer", "minimum": 1}, "max_page": {"type": "integer", "minimum": 1},
                      "count": {"type": "integer", "minimum": 0},
                      "items": {"type": "array", "maxItems": \(WatchFilter.pageSize), "items": {"$ref": "#/components/schemas/Webhook"}}}},
                  "Webhook": {"type": "object", "additionalProperties": false,
                    "required": ["account", "webhook_id", "enabled", "source", "module", "labels", "standing", "standings", "config"],
                    "properties": {
                      "account": {"type": "string"}, "webhook_id": {"type": "integer"}, "enabled": {"type": "boolean"},
                      "source": {"enum": \(sources)}, "module": {"type": "string"},
                      "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                      "standing": {"enum": \(standings)},
                      "standings": {"type": "array", "minItems": 1, "items": {"enum": \(standings)}},
                      "event_type": {"type": "string"}, "org_id": {"type": "integer"},
                      "target": {"type": "string", "description": "scheme://host[:port], or invalid"},
                      "config": {"$ref": "#/components/schemas/Config"}, "probe": {"$ref": "#/components/schemas/Probe"},
                      "certificate": {"type": "object", "additionalProperties": false, "required": ["leaf_not_after", "earliest_not_after", "days"],
                        "properties": {"leaf_not_after": {"$ref": "#/components/schemas/Time"},
                          "earliest_not_after": {"$ref": "#/components/schemas/Time"}, "days": {"type": "integer"}}}}},
                  "Config": {"type": "object", "additionalProperties": false, "required": ["state", "sentence", "drifted_fields"],
                    "properties": {"state": {"enum": \(states)}, "sentence": {"type": "string"}, "advice": {"type": "string"},
                      "drifted_fields": {"type": "array", "items": {"enum": \(fields)}},
                      "since": {"$ref": "#/components/schemas/Time"}, "last_success": {"$ref": "#/components/schemas/Time"},
                      "last_confirmed": {"$ref": "#/components/schemas/Time"},
                      "last_check": {"type": "object", "additionalProperties": false, "required": ["at", "duration_seconds"],
                        "properties": {"at": {"$ref": "#/components/schemas/Time"}, "duration_seconds": {"type": "number"},
                          "reason": {"type": "string"}, "message": {"type": "string"}}}}},
                  "Probe": {"type": "object", "additionalProperties": false,
                    "required": ["at", "success", "reachable", "status_code", "sentence", "duration_seconds", "phase_duration_seconds", "consecutive_failures"],
                    "properties": {"at": {"$ref": "#/components/schemas/Time"}, "probe_id": {"type": "string"},
                      "success": {"type": "boolean"}, "reachable": {"type": "boolean"}, "status_code": {"type": "integer"},
                      "sentence": {"type": "string"}, "reason": {"enum": \(reasons)}, "advice": {"type": "string"},
                      "duration_seconds": {"type": "number"}, "phase_duration_seconds": {"$ref": "#/components/schemas/Phases"},
                      "http_version": {"type": "string"}, "tls_version": {"type": "string"}, "tls_verified": {"type": "boolean"},
                      "consecutive_failures": {"type": "integer", "minimum": 0}}},
                  "WebhookDetail": {"type": "object", "additionalProperties": false,
                    "required": ["webhook", "comparison", "baselines", "broken_rules", "probes", "changes"],
                    "properties": {
                      "webhook": {"$ref": "#/components/schemas/Webhook"},
                      "comparison": {"type": "array", "items": {"type": "object", "additionalProperties": false,
                        "required": ["field", "differs", "ignored"],
                        "properties": {"field": {"enum": \(fields)}, "header": {"type": "string"}, "source": {"enum": \(baselines)},
                          "baseline": {"type": "string"}, "observed": {"type": "string"},
                          "differs": {"type": "boolean"}, "ignored": {"type": "boolean"}}}},
                      "baselines": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["source", "at"],
                        "properties": {"source": {"enum": \(baselines)}, "at": {"$ref": "#/components/schemas/Time"}}}},
                      "broken_rules": {"type": "array", "items": {"type": "string"}},
                      "probes": {"type": "array", "items": {"type": "object", "additionalProperties": false,
                        "required": ["probe_id", "at", "success", "status_code", "duration_seconds", "phase_duration_seconds"],
                        "properties": {"probe_id": {"type": "string"}, "at": {"$ref": "#/components/schemas/Time"},
                          "success": {"type": "boolean"}, "reason": {"enum": \(reasons)}, "message": {"type": "string"},
                          "status_code": {"type": "integer"}, "duration_seconds": {"type": "number"},
                          "phase_duration_seconds": {"$ref": "#/components/schemas/Phases"}}}},
                      "changes": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["at", "sentence"],
                        "properties": {"at": {"$ref": "#/components/schemas/Time"}, "sentence": {"type": "string"},
                          "field": {"enum": \(fields)}, "header": {"type": "string"}, "noticed_by": {"enum": \(notices)},
                          "from": {"$ref": "#/components/schemas/ChangeSide"}, "to": {"$ref": "#/components/schemas/ChangeSide"}}}}}},
                  "ChangeSide": {"type": "object", "additionalProperties": false, "required": ["text"],
                    "properties": {"text": {"type": "string"}, "fingerprint": {"type": "string"}}}
                }
              }
            }

            """
    }

    private static func list(_ words: [String]) -> String {
        "[" + words.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    }
}
