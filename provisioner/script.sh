set -euo pipefail
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

# Seconds to wait for Google to make known what was just made.
PATIENCE=${PATIENCE:-300}

dry_run=
case "${1:-}" in
  "") ;;
  --dry-run) dry_run=yes ;;
  *)
    echo "Usage: bash $0 [--dry-run]" >&2
    exit 2
    ;;
esac

said=$(mktemp)
trap 'rm -f "$said"' EXIT

stop() {
  printf '%s\n' "$@" "Nothing that was made is lost. Run this again when that is settled: it goes on where it stopped." >&2
  exit 1
}

# google METHOD URL [BODY] is for what gcloud has no flag for.
# It needs no option of curl that is younger than 2015, and fails with Google's answer where Google refuses.
google() {
  local body code
  body=$(mktemp)
  code=$(curl --silent --show-error --output "$body" --write-out '%{http_code}' --request "$1" --header "Authorization: Bearer $(gcloud auth print-access-token)" \
    --header "X-Goog-User-Project: $PROJECT" --header "Content-Type: application/json" ${3:+--data "$3"} "$2") || code=000
  cat "$body"
  rm -f "$body"
  case "$code" in
    2??) return 0 ;;
  esac
  echo "The requested URL returned error: $code" >&2
  return 1
}

# operation METHOD URL BODY starts an operation of Bigtable and follows it to its end.
operation() {
  local answer name end=$((SECONDS + PATIENCE))
  answer=$(google "$@") || { printf '%s\n' "$answer"; return 1; }
  name=$(printf '%s' "$answer" | tr '\n' ' ' | sed -nE 's/.*"name": *"([^"]*operations\/[^"]*)".*/\1/p')
  [ -n "$name" ] || { printf '%s\n' "$answer"; return 1; }
  while :; do
    case "$(printf '%s' "$answer" | tr -d ' \n')" in
      *'"error":{'*) printf '%s\n' "$answer"; return 1 ;;
      *'"done":true'*) return 0 ;;
    esac
    if ((SECONDS >= end)); then
      printf 'The operation %s is not over after %s seconds. Google said last: %s\n' "$name" "$PATIENCE" "$answer"
      return 1
    fi
    sleep 2
    answer=$(google GET "https://bigtableadmin.googleapis.com/v2/$name" 2>&1 || true)
  done
}

# absent tells whether Google says that there is nothing. Where it doesn't tell, it may be there.
absent() {
  case "$1" in
    *NOT_FOUND* | *"not found"* | *"Not found"* | *"Unknown service account"* | *"or it may not exist"*) return 0 ;;
  esac
  return 1
}

# passing tells whether Google's refusal may pass without anybody's doing.
passing() {
  case "$1" in
    *"violates constraint"* | *"constraints/"* | *"rg policy"*) return 1 ;;
    *"does not exist"* | *"has not been used in project"* | *SERVICE_DISABLED* | *accessNotConfigured* | *"API has not been"*) return 0 ;;
    *"concurrent policy changes"* | *ABORTED* | *conditionNotMet* | *"Precondition Failed"* | *"Another activation or deactivation"*) return 0 ;;
    *rateLimitExceeded* | *"rate limit"* | *RESOURCE_EXHAUSTED* | *UNAVAILABLE* | *backendError* | *INTERNAL* | *"error: 429"* | *"error: 50"[0234]*) return 0 ;;
    *"onnection refused"* | *"onnection reset"* | *"timed out"* | *"esolve host"*) return 0 ;;
  esac
  return 1
}

# again WAIT TEXT waits before the next attempt.
again() {
  printf '  Not yet. Google says: %s\n  Trying again in %s s.\n' "$2" "$1"
  sleep "$1"
}

# look COMMAND... reads what is there into $found, and fails where nothing is.
look() {
  local end=$((SECONDS + PATIENCE)) wait=2
  until found=$("$@" 2>"$said"); do
    found=
    if absent "$(cat "$said")"; then return 1; fi
    passing "$(cat "$said")" || stop "This can't be read:" "$(cat "$said")"
    if [ -n "$dry_run" ]; then return 1; fi
    ((SECONDS < end)) || stop "Google isn't ready:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
}

# until_there COMMAND... looks until what was made is known.
until_there() {
  local end=$((SECONDS + PATIENCE)) wait=2
  until look "$@"; do
    ((SECONDS < end)) || stop "Google accepted it and doesn't know it yet:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
}

# until_says TEXT COMMAND... looks until what is there says so.
until_says() {
  local end=$((SECONDS + PATIENCE)) text=$1
  shift
  while :; do
    case "$found" in
      *"$text"*) return ;;
    esac
    ((SECONDS < end)) || stop "It isn't ready after $PATIENCE seconds: $found"
    again 2 "$found"
    until_there "$@"
  done
}

# try COMMAND... makes a change, and tries again while Google's refusal may pass. What is there already is success.
try() {
  if [ -n "$dry_run" ]; then
    printf '  Would run:'
    printf ' %q' "$@"
    printf '\n'
    return
  fi
  local end=$((SECONDS + PATIENCE)) wait=2
  until "$@" >"$said" 2>&1; do
    case "$(cat "$said")" in
      *ALREADY_EXISTS* | *"already exists"* | *"already own it"*) return ;;
      "The operation "*" is not over after "*) stop "$(cat "$said")" ;;
    esac
    absent "$(cat "$said")" || passing "$(cat "$said")" || stop "Google refused:" "$(cat "$said")"
    ((SECONDS < end)) || stop "Google still refused after $PATIENCE seconds:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
}

# ours WHAT MARK stops at what somebody else made.
ours() {
  case "$found" in
    *"$2"*) ;;
    *) stop "$1 exists and was not made by this onboarding, so it is left alone. Remove or rename it, or choose another deployment name." ;;
  esac
}
