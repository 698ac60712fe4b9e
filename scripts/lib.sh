# Shared by the scripts: where things are, what must be there, how progress is told.
# Sourced, never run. Everything that is made lands under target/.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
case "$target" in /*) ;; *) target="$root/$target" ;; esac
tools="$target/tools"
wasm="$target/wasm32-wasip1/release/accesspolicy.wasm"
cli="$target/release/accesspolicy"

# say TEXT...: one line of progress. Standard output belongs to results.
say() { printf '%s\n' "$*" >&2; }

# die TEXT...: one clear sentence, then the end.
die() {
  say "error: $*"
  exit 1
}

# begin STEPS: starts the count that `step` shows.
begin() {
  steps_total="$1"
  steps_done=0
  SECONDS=0
}

# step TEXT...: the next step, with the seconds since `begin`.
step() {
  steps_done=$((steps_done + 1))
  say "[$steps_done/$steps_total] $* (${SECONDS}s)"
}

# need_rust [TARGET...]: cargo, rustup and the targets, which are added when missing.
need_rust() {
  command -v cargo >/dev/null 2>&1 || [ ! -x "$HOME/.cargo/bin/cargo" ] || PATH="$HOME/.cargo/bin:$PATH"
  command -v cargo >/dev/null 2>&1 || die "cargo is missing: install Rust by rustup (https://rustup.rs)."
  command -v rustup >/dev/null 2>&1 || die "rustup is missing: it adds the wasm32 targets (https://rustup.rs)."
  local installed name
  installed="$(rustup target list --installed)"
  for name in "$@"; do
    if ! grep -qx "$name" <<<"$installed"; then
      say "adding the Rust target $name"
      rustup target add "$name" >&2
    fi
  done
}

# need_python: a Python 3 that can make virtual environments; its name is in $python.
need_python() {
  python="${PYTHON:-python3}"
  command -v "$python" >/dev/null 2>&1 || die "Python 3 is missing: install python3 with pip."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
    die "$python is too old: Python 3.9 or later is needed."
}

# venv FOLDER PIP-ARGUMENT...: a virtual environment with these packages, made once.
# It is made beside its place and moved there when complete, so that a run that
# was cut short leaves nothing that looks finished. Call its programs through its
# `bin/python`: scripts in it name the folder it was made in.
venv() {
  local folder="$1" wanted made argument
  shift
  wanted="$*"
  for argument in "$@"; do
    [ ! -f "$argument" ] || wanted="$wanted $(cksum <"$argument")"
  done
  if [ -f "$folder/.complete" ] && [ "$(cat "$folder/.complete")" = "$wanted" ]; then
    return 0
  fi
  need_python
  made="$folder.$$"
  rm -rf "$made"
  mkdir -p "$(dirname "$folder")"
  if "$python" -m venv "$made" >/dev/null 2>&1; then
    "$made/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || return 1
  else
    # Debian ships venv without ensurepip; the pip outside can fill the environment.
    rm -rf "$made"
    "$python" -m venv --without-pip "$made" >&2 ||
      die "$python cannot make virtual environments: install its venv module (python3-venv)."
    "$python" -m pip --python "$made/bin/python" install --quiet --disable-pip-version-check "$@" >&2 || return 1
  fi
  printf '%s' "$wanted" >"$made/.complete"
  rm -rf "$folder"
  mv "$made" "$folder"
}
