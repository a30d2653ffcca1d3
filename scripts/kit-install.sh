#!/bin/sh
# Install signkit on a station, from this kit and without a network:
#
#     sh install.sh [--prefix DIR] [--upgrade]
#
# Every file of the kit is compared with SHA256SUMS before any of it is used. That says that the kit is
# whole; that it is the right one is for you to say, before this script runs: docs/howto/station.md.
#
# Needs what each Debian has: sh, coreutils, findutils, sed, python3. Control: SK-KIT-WHOLE.

set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
unset CDPATH

refuse() { # refuse SENTENCE HINT
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

main() { # last, and in one piece: a script that was cut off does nothing
  kit=$(cd "$(dirname "$0")" && pwd)
  copy='copy the kit again; compare the SHA-256 of its archive with that of whoever built it'
  (cd "$kit" && sha256sum --check --strict --quiet SHA256SUMS >&2) ||
    refuse 'the kit is damaged: a file is not what SHA256SUMS says' "$copy"
  listed=$(sed 's/^[0-9a-f]*  //' "$kit/SHA256SUMS" | sort)
  found=$(cd "$kit" && find . ! -type d ! -path ./SHA256SUMS | sed 's,^\./,,' | sort)
  [ "$listed" = "$found" ] ||
    refuse 'the kit holds files that SHA256SUMS does not name' "unpack it into an empty folder, or $copy"
  command -v python3 >/dev/null ||
    refuse 'this machine has no python3' 'install the packages python3 and openssl of Debian first'
  exec python3 -ISB "$kit/install.py" "$@"
}

main "$@"
