set -euo pipefail
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

# Seconds to wait for a new resource to propagate.
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
  printf '%s\n' "$@" "Nothing that was created is lost. Fix the problem, then run this script again. It resumes where it stopped." >&2
  exit 1
}

# google METHOD URL [BODY] does what gcloud has no flag for.
# It uses only curl options available since 2015. If Google refuses, it prints Google's answer and fails.
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
      printf "Operation %s hasn't finished after %s seconds. Google's last response: %s\n" "$name" "$PATIENCE" "$answer"
      return 1
    fi
    sleep 2
    answer=$(google GET "https://bigtableadmin.googleapis.com/v2/$name" 2>&1 || true)
  done
}

# final succeeds if someone has to act on the error, even if it sounds like a resource that isn't there yet.
final() {
  case "$1" in
    *"illing must be enabled"* | *"illing account"* | *"illing to be enabled"* | *UREQ_* | *BILLING_DISABLED*) return 0 ;;
    *"violates constraint"* | *"constraints/"* | *"rg policy"* | *"ermission denied"*) return 0 ;;
    *"in a different instance"* | *"name is not available"*) return 0 ;;
  esac
  return 1
}

# absent succeeds if Google reports that the resource doesn't exist.
absent() {
  case "$1" in
    *NOT_FOUND* | *"not found"* | *"Not found"* | *"Unknown service account"*) return 0 ;;
  esac
  return 1
}

# hidden succeeds if Google doesn't say whether the resource is missing or the account may not see it.
hidden() {
  case "$1" in
    *"or it may not exist"*) return 0 ;;
  esac
  return 1
}

# When something was last created, in $SECONDS. It may take two minutes to propagate.
made=
fresh() { [ -n "$made" ] && ((SECONDS - made < 120)); }

# passing succeeds if the error may clear on its own.
passing() {
  case "$1" in
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

# look COMMAND... reads the resource into $found. It fails if there is none.
look() {
  local end=$((SECONDS + PATIENCE)) wait=2
  until found=$("$@" 2>"$said"); do
    found=
    if final "$(cat "$said")"; then stop "This can't be read:" "$(cat "$said")"; fi
    if absent "$(cat "$said")" || hidden "$(cat "$said")"; then return 1; fi
    passing "$(cat "$said")" || stop "This can't be read:" "$(cat "$said")"
    if [ -n "$dry_run" ]; then return 1; fi
    ((SECONDS < end)) || stop "Google isn't ready:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
}

# until_there COMMAND... looks until the new resource is visible.
until_there() {
  local end=$((SECONDS + PATIENCE)) wait=2
  until look "$@"; do
    ((SECONDS < end)) || stop "Google accepted the request, but the resource isn't visible yet:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
  made=$SECONDS
}

# until_says TEXT COMMAND... looks until the resource contains the text.
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

# try COMMAND... makes a change, and tries again while the error may clear on its own. A resource that already exists is a success.
try() {
  if [ -n "$dry_run" ]; then
    printf '  Would run:'
    printf ' %q' "$@"
    printf '\n'
    return
  fi
  local end=$((SECONDS + PATIENCE)) wait=2
  until "$@" >"$said" 2>&1; do
    if final "$(cat "$said")"; then stop "Google refused:" "$(cat "$said")"; fi
    case "$(cat "$said")" in
      *ALREADY_EXISTS* | *"already exists"* | *"already own it"*) return ;;
      "Operation "*" hasn't finished after "*) stop "$(cat "$said")" ;;
    esac
    absent "$(cat "$said")" || passing "$(cat "$said")" || { hidden "$(cat "$said")" && fresh; } || stop "Google refused:" "$(cat "$said")"
    ((SECONDS < end)) || stop "Google still refused after $PATIENCE seconds:" "$(cat "$said")"
    again "$wait" "$(cat "$said")"
    if ((wait < 16)); then wait=$((wait * 2)); fi
  done
}

# ours WHAT MARK stops if $found lacks the mark: then something else created it.
ours() {
  case "$found" in
    *"$2"*) ;;
    *) stop "$1 exists but wasn't created by this onboarding, so the script won't change it. Remove or rename it, or choose another deployment name." ;;
  esac
}
