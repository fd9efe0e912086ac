#!/usr/bin/env bash
# API keys and a certificate for the proxy, in a folder that git does not track.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/proxy/setup.sh [-d FOLDER] certificate [NAME ...]   a self-signed certificate for these host names (localhost)
       deploy/proxy/setup.sh [-d FOLDER] key NAME                 a new API key for the client NAME, printed once
       deploy/proxy/setup.sh [-d FOLDER] revoke NAME              take the key of NAME away
       deploy/proxy/setup.sh [-d FOLDER] list                     the names of the clients with a key

FOLDER holds tls/tls.crt, tls/tls.key and keys/clients.conf (deploy/proxy/secrets). Bring a certificate of your own by
putting it there. Keys outlive a restart; a running proxy takes a change with: docker compose exec proxy nginx -s reload
TEXT
}

fail() {
  echo "error: $1" >&2
  exit 2
}

folder=$(dirname "${BASH_SOURCE[0]}")/secrets
while getopts d:h option; do
  case $option in
    d) folder=$OPTARG ;;
    h) usage && exit ;;
    *) usage >&2 && exit 2 ;;
  esac
done
shift $((OPTIND - 1))
command=${1:-}
[[ -n $command ]] || { usage >&2 && exit 2; }
shift
command -v openssl >/dev/null || fail "openssl is not on the path; install it"
umask 077
mkdir -p "$folder/keys" "$folder/tls"
clients=$folder/keys/clients.conf

name_of() {
  [[ ${1:-} =~ ^[A-Za-z0-9_.-]{1,64}$ ]] || fail "NAME=${1:-}: expected letters, digits, '.', '_' and '-'"
  echo "$1"
}

without() { # the lines of all clients but one, as a whole new file
  { [[ ! -f $clients ]] || grep -v " $1;\$" "$clients" || true; } >"$clients.new"
}

case $command in
  certificate)
    [[ ! -e $folder/tls/tls.key ]] || fail "$folder/tls/tls.key exists; move it away first"
    names=("$@") && [[ $# -gt 0 ]] || names=(localhost)
    alternative=$(printf 'DNS:%s,' "${names[@]}")IP:127.0.0.1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj "/CN=${names[0]}" \
      -addext "subjectAltName=$alternative" -keyout "$folder/tls/tls.key" -out "$folder/tls/tls.crt" 2>/dev/null
    chmod 644 "$folder/tls/tls.crt"
    echo "$folder/tls/tls.crt, for ${names[*]}: self-signed, so clients need it as their CA file"
    ;;
  key)
    name=$(name_of "${1:-}")
    ! grep -qs " $name;\$" "$clients" || fail "$name has a key; revoke it first"
    key=$(openssl rand -hex 32)
    without "$name"
    echo "\"Bearer $key\" $name;" >>"$clients.new"
    mv "$clients.new" "$clients"
    echo "$key"
    ;;
  revoke)
    name=$(name_of "${1:-}")
    grep -qs " $name;\$" "$clients" || fail "$name has no key"
    without "$name"
    mv "$clients.new" "$clients"
    ;;
  list) sed -n 's/^"Bearer [0-9a-f]*" \(.*\);$/\1/p' "$clients" 2>/dev/null || true ;;
  *) usage >&2 && exit 2 ;;
esac
