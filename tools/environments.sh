# Sourced by tools/demo and tools/test, which must work where nothing of ours is installed: a fit Python, a virtual
# environment, missing system packages.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Print the path of a Python that is new enough; PYTHON=... names one.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "no Python 3.11 or newer found. Install one (Debian: apt-get install python3) or name it: PYTHON=... $0"
}

# apt_install PACKAGE...: install them, or say what to type. Services that come with them are not started.
apt_install() (
    command -v apt-get >/dev/null || die "missing: $*. Install them with this system's package manager, then try again."
    as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        sudo -n true 2>/dev/null || die "missing: $*. Type: sudo apt-get install $*"
        as_root=(sudo -n)
    fi
    say "installing with apt-get: $*"
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    fi
    # Another apt may hold the lock for a while; stale lists are better than none.
    apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    "${apt[@]}" update || say "apt-get update failed; going on with the lists that are here"
    "${apt[@]}" install --yes --no-install-recommends "$@" </dev/null >&2
)

# environment FOLDER KEY PIP-ARGUMENT...: make a virtual environment and install into it, unless FOLDER has been made
# so with the same KEY. An interrupted attempt is begun anew.
environment() {
    local folder=$1 key=$2 python
    shift 2
    python=$(find_python)
    # Debian splits this part off. Its installation may bring a newer Python, hence before the look at the version.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3-venv || exit
        "$python" -c 'import ensurepip, venv' || die "$python cannot make virtual environments. Name another: PYTHON=... $0"
    fi
    key="$key $* $PWD $("$python" -c 'import sys; print(sys.executable, sys.version)')"
    if [[ -f $folder/made-for && $(<"$folder/made-for") == "$key" ]] && "$folder/bin/python" -c '' 2>/dev/null; then
        return
    fi
    say "making $folder (once; about half a minute)"
    rm -f "$folder/made-for"
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" </dev/null
    printf '%s' "$key" >"$folder/made-for"
}
