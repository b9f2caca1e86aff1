# Sourced by whatever builds: which Debian packages are needed, how the missing ones are installed, how a release is built.
# shellcheck shell=bash disable=SC2034

# What the Swift toolchain needs of the system, and the libraries that the exporter links.
build_packages=(
    git ca-certificates binutils libc6-dev libgcc-12-dev libstdc++-12-dev libxml2 libncurses6 libedit2 tzdata
    libcurl4-openssl-dev libssl-dev libsqlite3-dev zlib1g-dev libcrypt-dev libpcre2-dev
)
# What README and demo have their reader run, besides what every Debian has.
demo_packages=(curl)
# The real programs that the tests run.
test_packages=(
    prometheus prometheus-alertmanager nginx-light iproute2 procps openssl
    shellcheck yamllint lintian dpkg-dev man-db mandoc zsh fish systemd python3 python3-venv
    debootstrap systemd-container bubblewrap chromium fonts-dejavu-core
)

# install_packages NAME...: installs those that are not there. Says what it does only where it does something.
install_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "These packages are missing, and neither root nor sudo is here to install them: ${missing[*]}" >&2
            return 1
        }
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -qq
    # Debian starts what it installs; the tests start their own, on ports of their own.
    local policy=/usr/sbin/policy-rc.d made=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod +x "$policy"
        made=1
    fi
    local status=0
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        >/dev/null || status=$?
    [ "$made" -eq 0 ] || "${as_root[@]}" rm -f "$policy"
    return "$status"
}

# require_swift: one clear line where the toolchain is missing.
require_swift() {
    command -v swift >/dev/null || {
        echo "swift was not found on PATH: install the Swift 6.2 toolchain or newer (swift.org/install), then run this again." >&2
        return 1
    }
}

# build_release: .build/release/partoo-webhook-exporter, with the Swift runtime in it.
build_release() {
    # SwiftPM keeps what a manifest came to, and what it would build by that, for as long as the text is the same; another
    # commit's revision would stay in it.
    swift build -c release --static-swift-stdlib --product partoo-webhook-exporter \
        --manifest-cache none --disable-build-manifest-caching
}
