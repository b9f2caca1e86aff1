"""Draws a dashboard's panels from what their queries returned: no Grafana, but enough to see whether it answers."""

import datetime
import math
import pathlib
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plot

BACKGROUND, PANEL, TEXT, DIM = "#111217", "#181b1f", "#d8d9da", "#8e8e8e"
COLOURS = {"green": "#56a64b", "yellow": "#e0b400", "orange": "#ff780a", "red": "#e02f44", "blue": "#3274d9",
           "text": "#9a9ba0", "transparent": "#181b1f"}


def draw(dashboard, answers, path):
    """`answers` maps (panel id, refId) to a list of Prometheus series, instant or over time."""
    panels = dashboard["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plot.figure(figsize=(24, rows * 0.52), facecolor=BACKGROUND)
    for panel in panels:
        place = panel["gridPos"]
        if panel["type"] == "row":
            figure.text(0.006, 1 - (place["y"] + 0.7) / rows, panel["title"], color=TEXT, fontsize=14, weight="bold")
            continue
        axes = figure.add_axes((
            place["x"] / 24 + 0.022, 1 - (place["y"] + place["h"] - 1.0) / rows, place["w"] / 24 - 0.032,
            (place["h"] - 2.1) / rows), facecolor=PANEL)
        axes.set_title(panel["title"], color=TEXT, loc="left", fontsize=10)
        axes.tick_params(colors=DIM, labelsize=7)
        for spine in axes.spines.values():
            spine.set_color("#2c3235")
        series = [(target, item) for target in panel["targets"] for item in answers.get((panel["id"], target["refId"]), [])]
        KINDS[panel["type"]](axes, panel, series)
    figure.savefig(pathlib.Path(path), dpi=75, facecolor=BACKGROUND)
    plot.close(figure)


def _legend(target, labels):
    text = target["legendFormat"]
    if text == "__auto":
        return ", ".join(f"{value}" for name, value in labels.items() if name != "__name__") or "value"
    for name, value in labels.items():
        text = text.replace("{{%s}}" % name, value)
    return text


def _amount(value, unit):
    if math.isnan(value):
        return "NaN"
    if unit == "s":
        for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return f"{value * 1000:.3g} ms"
    if unit == "percentunit":
        return f"{value * 100:,.4g}%" if abs(value) < 100 else f"{value * 100:,.0f}%"
    if unit == "bytes":
        return f"{value / 2**20:.4g} MiB"
    if unit == "dateTimeFromNow":
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc).strftime("%H:%M:%S UTC")
    return f"{value:.4g}"


def _mapping(defaults, value):
    for mapping in defaults.get("mappings", []):
        for key, entry in mapping["options"].items():
            if float(key) == value:
                return entry["text"], COLOURS[entry["color"]]
    return None


def _threshold(defaults, value):
    colour = COLOURS["text"]
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            colour = COLOURS[step["color"]]
    return colour


def _blank(axes):
    axes.set_xticks([])
    axes.set_yticks([])


def _stat(axes, panel, series):
    _blank(axes)
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    shown, colour = defaults["noValue"], COLOURS["text"]
    if series and options["textMode"] == "name":
        shown = ", ".join(_legend(target, item["metric"]) for target, item in series)
    elif series:
        value = float(series[0][1]["value"][1])
        mapped = _mapping(defaults, value)
        shown, colour = mapped or (_amount(value, defaults["unit"]), _threshold(defaults, value))
    background = options["colorMode"] == "background" and colour != COLOURS["text"]
    if background:
        axes.set_facecolor(colour)
    axes.text(0.5, 0.5, textwrap.fill(shown, 22), color="white" if background else TEXT, ha="center", va="center",
              fontsize=18 if len(shown) < 12 else 10, weight="bold", transform=axes.transAxes)


def _times(item):
    return [datetime.datetime.fromtimestamp(time, datetime.timezone.utc) for time, _ in item["values"]]


def _timeseries(axes, panel, series):
    custom = panel["fieldConfig"]["defaults"]["custom"]
    fixed = {entry["matcher"]["options"]: COLOURS[entry["properties"][0]["value"]["fixedColor"]]
             for entry in panel["fieldConfig"]["overrides"] if entry["properties"][0]["id"] == "color"}
    lines = [(_legend(target, item["metric"]), item) for target, item in series]
    if custom["stacking"]["mode"] == "normal" and lines:
        times = sorted({time for _, item in lines for time, _ in item["values"]})
        stack = [[float(dict((t, v) for t, v in item["values"]).get(time, 0)) for time in times] for _, item in lines]
        when = [datetime.datetime.fromtimestamp(time, datetime.timezone.utc) for time in times]
        colours = [fixed.get(name) for name, _ in lines]
        extra = {"colors": colours} if all(colours) else {}
        axes.stackplot(when, stack, labels=[name for name, _ in lines], **extra)
    else:
        for name, item in lines:
            axes.plot(_times(item), [float(value) for _, value in item["values"]], label=name, color=fixed.get(name))
    if lines:
        axes.legend(fontsize=7, loc="upper left", facecolor=PANEL, edgecolor="none", labelcolor=TEXT, ncols=2)
    axes.grid(color="#2c3235", linewidth=0.5)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes.yaxis.set_major_formatter(lambda value, _: _amount(value, unit))


def _timeline(axes, panel, series):
    defaults = panel["fieldConfig"]["defaults"]
    for row, (target, item) in enumerate(series):
        times = [time for time, _ in item["values"]]
        for (time, value), end in zip(item["values"], times[1:]):
            mapped = _mapping(defaults, float(value))
            axes.broken_barh([(time, end - time)], (row - 0.4, 0.8), color=mapped[1] if mapped else COLOURS["text"])
    axes.set_yticks(range(len(series)), [_legend(target, item["metric"]) for target, item in series])
    axes.xaxis.set_major_formatter(
        lambda value, _: datetime.datetime.fromtimestamp(value, datetime.timezone.utc).strftime("%H:%M:%S"))


def _bars(axes, panel, series):
    defaults = panel["fieldConfig"]["defaults"]
    values = [(_legend(target, item["metric"]), float(item["value"][1])) for target, item in series]
    for row, (name, value) in enumerate(reversed(values)):
        axes.barh(row, value, color=_threshold(defaults, value))
        axes.text(0.99, row, _amount(value, defaults["unit"]), color=TEXT, va="center", ha="right", fontsize=8,
                  transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(values)), [name for name, _ in reversed(values)])
    axes.xaxis.set_major_formatter(lambda value, _: _amount(value, defaults["unit"]))
    axes.set_xlim(defaults["min"], defaults.get("max"))


def _cell(panel, column, text):
    """What a cell says and in which colour, once the column's own unit and texts are heard."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] != column:
            continue
        properties = {entry["id"]: entry["value"] for entry in override["properties"]}
        if isinstance(text, float) and "unit" in properties:
            return _amount(text, properties["unit"]), TEXT
        for mapping in properties.get("mappings", []):
            key = f"{text:g}" if isinstance(text, float) else text
            if key in mapping["options"]:
                entry = mapping["options"][key]
                return entry["text"], COLOURS[entry["color"]]
    return (_amount(text, panel["fieldConfig"]["defaults"]["unit"]) if isinstance(text, float) else text), TEXT


def _table(axes, panel, series):
    _blank(axes)
    organise = next(step for step in panel["transformations"] if step["id"] == "organize")["options"]
    merged = {}
    for target, item in series:
        labels = {name: value for name, value in item["metric"].items() if name != "__name__"}
        several = len(panel["targets"]) > 1
        key = tuple(labels.get(name) for name in ("account", "webhook_id", "instance")) if several else tuple(labels.items())
        column = f"Value #{target['refId']}" if several else "Value"
        merged.setdefault(key, {}).update(labels | {column: float(item["value"][1])})
    if not merged:
        axes.text(0.5, 0.5, "nothing", color=DIM, ha="center", transform=axes.transAxes)
        return
    columns = list(dict.fromkeys(name for row in merged.values() for name in row))
    columns = sorted((name for name in columns if not organise["excludeByName"].get(name)),
                     key=lambda name: organise["indexByName"].get(name, 99))
    ranks = {"critical": 0, "info": 1, "warning": 2}
    rows = sorted(merged.values(), key=lambda row: (
        ranks.get(row.get("severity"), 9), len(row.get("webhook_id", "")), row.get("webhook_id", "")))
    cells = [[_cell(panel, name, row.get(name, "")) for name in columns] for row in rows]
    most = max(1, int((panel["gridPos"]["h"] - 2.1) * 2.2))
    drawn = axes.table([[text for text, _ in row] for row in cells[:most]],
                       colLabels=[organise["renameByName"].get(name, name) for name in columns],
                       loc="upper left", cellLoc="left")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.auto_set_column_width(range(len(columns)))
    for (row, column), cell in drawn.get_celld().items():
        cell.set_facecolor(PANEL)
        cell.set_edgecolor("#2c3235")
        cell.get_text().set_color(cells[row - 1][column][1] if row else DIM)


def _heatmap(axes, panel, series):
    rows = []
    for _, item in series:
        if "values" in item:
            rows.append((float(item["metric"].get("le", "inf")), [float(value) for _, value in item["values"]]))
    rows.sort()
    if rows:
        width = min(len(values) for _, values in rows)
        bands = [[max(0, high - low) for high, low in zip(values[-width:], below[-width:])]
                 for (_, values), (_, below) in zip(rows, [(0, [0] * width)] + rows)]
        axes.pcolormesh(bands, cmap="Oranges")
        axes.set_yticks([row + 0.5 for row in range(len(rows))], [f"{edge:g}" for edge, _ in rows])
    else:
        natives = [entry for _, item in series for entry in item.get("histograms", [])]
        axes.text(0.5, 0.5, f"{len(natives)} native histograms", color=DIM, ha="center", transform=axes.transAxes)


KINDS = {"stat": _stat, "timeseries": _timeseries, "state-timeline": _timeline, "bargauge": _bars, "table": _table,
         "heatmap": _heatmap}
