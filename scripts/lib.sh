# Shared by the scripts: where things are, what is installed, how it is said.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export MINNOW_DATA=${MINNOW_DATA:-$root/../shared/data}
build_packages="g++ cmake ninja-build ccache mold pkg-config python3 python3-dev python3-venv python3-pip curl libprotozero-dev nlohmann-json3-dev libcli11-dev libpng-dev libjpeg-dev zlib1g-dev libutf8proc-dev libflatbuffers-dev flatbuffers-compiler libgtest-dev"
arm_packages="g++-aarch64-linux-gnu qemu-user-static"
arm_libraries="zlib1g-dev libpng-dev libjpeg62-turbo-dev libutf8proc-dev libgtest-dev libflatbuffers-dev libprotozero-dev nlohmann-json3-dev libcli11-dev"
emulate_packages="bochs bochs-term bochsbios vgabios isolinux syslinux-common genisoimage cpio busybox-static bsdutils"
full_packages="clang libclang-rt-dev llvm lld clang-format clang-tidy chromium"

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# install_packages NAME…: installs those Debian packages that are missing, and says so.
install_packages() {
  command -v dpkg-query >/dev/null || {
    say "This is not Debian or Ubuntu. These packages (Debian's names) are needed; install them your system's way:"
    say "  $*"
    return 0
  }
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing and neither root nor sudo is at hand: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing with apt-get: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
}

# install_commands NAME…: installs the packages of those commands that no other installation provides.
install_commands() {
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null || install_packages "$name"
  done
}

# python_environment: .venv with the oracles of tests/requirements.txt; quick when nothing changed.
python_environment() {
  local stamp=.venv/requirements.stamp
  if ! cmp -s tests/requirements.txt "$stamp" 2>/dev/null; then
    say "Making the Python environment .venv: $(grep -v '^#' tests/requirements.txt | tr '\n' ' ')"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements.txt
    cp tests/requirements.txt "$stamp"
  fi
}
