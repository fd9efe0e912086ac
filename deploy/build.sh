#!/usr/bin/env bash
# Build the images with docker, podman or buildah, whichever is there.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/build.sh [options] [serve|ui ...] [-- option of the engine ...]

  -t TAG      tag of the images, bert-sentiment-serve and bert-sentiment-ui (latest)
  -b IMAGE    base image with Python 3.11 and apt, as NAME@sha256:DIGEST (the Dockerfiles name one)
  -i URL      package index of PyTorch's CPU builds, for the serve image
  -m FILE     archive of model_store to bake into the serve image

TAG, BASE_IMAGE, TORCH_INDEX and MAR in the environment do the same. ENGINE=docker, podman or buildah chooses
the engine; else it is the first of them on the path.
TEXT
}

fail() {
  echo "error: $1" >&2
  exit "${2:-1}"
}

engine() {
  local name
  for name in ${ENGINE:-docker podman buildah}; do
    command -v "$name" >/dev/null && echo "$name" && return
  done
  fail "${ENGINE:-docker, podman or buildah} not found on the path; install it, or name another with ENGINE="
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tag=${TAG:-latest} base=${BASE_IMAGE:-} index=${TORCH_INDEX:-} mar=${MAR:-}
while getopts t:b:i:m:h option; do
  case $option in
    t) tag=$OPTARG ;;
    b) base=$OPTARG ;;
    i) index=$OPTARG ;;
    m) mar=$OPTARG ;;
    h) usage && exit ;;
    *) usage >&2 && exit 2 ;;
  esac
done
shift $((OPTIND - 1))
images=()
while [[ $# -gt 0 && $1 != -* ]]; do # getopts takes a -- that follows an option
  [[ $1 == serve || $1 == ui ]] || fail "no image $1; choose serve or ui" 2
  images+=("$1") && shift
done
[[ ${1:-} != -- ]] || shift
mar=$(basename "$mar")
[[ -z $mar || -f model_store/$mar ]] || fail "model_store/$mar does not exist; make it with: sentiment package" 2

[[ -z $base || $base == *@sha256:* ]] ||
  echo "note: the base image $base has no digest, so another build may stand on another one; -b NAME@sha256:DIGEST" >&2

common=() serve=()
[[ -z $base ]] || common+=(--build-arg "BASE_IMAGE=$base")
[[ -z $index ]] || serve+=(--build-arg "TORCH_INDEX=$index")
[[ -z $mar ]] || serve+=(--build-arg "MAR=$mar")
engine=$(engine)
[[ $engine == docker ]] || common+=(--format docker) # the other engines' own format has no health check
[[ ${#images[@]} -gt 0 ]] || images=(serve ui)
for image in "${images[@]}"; do
  own=("${common[@]}")
  [[ $image == ui ]] || own+=("${serve[@]}")
  "$engine" build "${own[@]}" "$@" --file "Dockerfile.$image" --tag "bert-sentiment-$image:$tag" .
done
