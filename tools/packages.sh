# SPDX-License-Identifier: Apache-2.0
# What tools/demo and tools/check share: the packages they need, said and
# installed, and the build. Sourced by both; the caller sets -euo pipefail.

# The same names serve Debian 12, Debian 13 and Ubuntu 24.04. libdnnl-dev is for
# the library, whose package has another name in each: Weft opens it when it runs.
BUILD_PACKAGES=(
  binutils clang-19 cmake libabsl-dev libdnnl-dev libmlir-19-dev libxxhash-dev libzstd-dev
  lld-19 llvm-19-dev mlir-19-tools ninja-build nlohmann-json3-dev zlib1g-dev
)
TEST_PACKAGES=(
  ccache clang-format-19 git libclang-rt-19-dev libgmock-dev libgtest-dev
  llvm-19-tools python3
)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }
fail() { say "$*" >&2; exit 1; }

# Prints those of its arguments that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
      echo "$name"
  done
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "needs root to install packages, and there is no sudo: run as root: $*"
  fi
}

# Says what installing its arguments would fetch and take. No root is needed.
say_packages() {
  say "installs from this system's packages: $*"
  apt-get install --assume-no --no-install-recommends -o Debug::NoLocking=1 \
    "$@" 2>/dev/null | grep -E '^(Need to get|After this operation|[0-9]+ upgraded)' |
    while read -r line; do say "  $line"; done || true
}

# Brings the package lists up to date if they do not know all arguments.
update_lists() {
  if ! apt-cache show --no-all-versions "$@" >/dev/null 2>&1; then
    say "apt-get update, because the package lists do not know all of them"
    as_root apt-get update -q
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Installs those of its arguments that are missing; with DRY_RUN=1 only says so.
ensure_packages() {
  command -v apt-get >/dev/null ||
    fail "needs Debian or Ubuntu; elsewhere install the like of: $*"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [[ ${#missing[@]} == 0 ]]; then
    say "all packages are there"
    return
  fi
  if [[ ${DRY_RUN:-0} == 1 ]]; then
    apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1 ||
      say "would first run apt-get update; until then sizes are unknown"
    say_packages "${missing[@]}"
    return
  fi
  update_lists "${missing[@]}"
  say_packages "${missing[@]}"
  # Lists that are out of date name files that are gone: once more with new ones.
  apt_install "${missing[@]}" || {
    as_root apt-get update -q
    apt_install "${missing[@]}"
  }
}

# build PRESET FOLDER TARGET...: configures if needed, then builds.
build() {
  local preset=$1 folder=$2
  shift 2
  [[ -f $folder/build.ninja ]] || {
    say "configures $folder"
    cmake --preset "$preset" >"$folder.log" 2>&1 || {
      cat "$folder.log" >&2
      fail "cmake --preset $preset failed"
    }
    mv "$folder.log" "$folder/configure.log"
  }
  say "builds $folder"
  NINJA_STATUS='[%f/%t %es] ' cmake --build "$folder" --target "$@"
}
