#!/usr/bin/env bash
# Installs what is missing to run an app, to test, or to do what CI does.
#
#   Scripts/install-dependencies.sh [run|test|ci]
#
# Each includes the one before; the default is run. Looks for each tool itself,
# so that with all of them there nothing is asked of apt, and it takes no time.
set -euo pipefail

say() { printf 'install-dependencies.sh: %s\n' "$*" >&2; }

purpose=${1:-run}
if (($# > 1)) || [[ ! $purpose =~ ^(run|test|ci)$ ]]; then
  say "usage: Scripts/install-dependencies.sh [run|test|ci]"
  exit 2
fi

# Some of the tools are in folders that only root has on the PATH.
PATH=$PATH:/usr/sbin:/sbin

missing=()

# Notes package $1 if command $2 is not there.
need() {
  command -v "$2" >/dev/null && return
  [[ " ${missing[*]} " == *" $1 "* ]] || missing+=("$1")
}

need qemu-system-x86 qemu-system-x86_64
need nasm nasm
need binutils ld
need make make
need iproute2 ss
need util-linux setpriv
# No command but the 32-bit half of gcc's libraries and headers.
compgen -G '/usr/lib/gcc/*/*/32/libgcc.a' >/dev/null || missing+=(gcc-multilib)
if [[ $purpose != run ]]; then
  need bind9-dnsutils dig
  need dnsmasq-base dnsmasq
  need iputils-ping ping
  need isc-dhcp-server dhcpd
  need nftables nft
  need tshark tshark
  need util-linux unshare
fi
if [[ $purpose == ci ]]; then
  need shellcheck shellcheck
fi

if ((${#missing[@]})); then
  install=(
    env DEBIAN_FRONTEND=noninteractive
    apt-get install --yes --no-install-recommends "${missing[@]}"
  )
  if ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]} (the names that Debian gives them). There is" \
      "no apt-get here: install them with this system's package manager."
    exit 1
  fi
  as_root=()
  if ((EUID != 0)); then
    as_root=(sudo)
    # Without a terminal sudo cannot ask for a password.
    if ! command -v sudo >/dev/null ||
      { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
      say "missing: ${missing[*]}. As root, run:"
      say "  apt-get update && ${install[*]}"
      exit 1
    fi
  fi
  say "installing: ${missing[*]}"
  # Standard output belongs to the caller.
  "${as_root[@]}" apt-get update >&2
  "${as_root[@]}" "${install[@]}" >&2
fi

get_swift='Install Swift 6.3 or newer from https://www.swift.org/install/linux/
and put it on the PATH.'
if ! swift=$(command -v swift); then
  say "there is no swift. ${get_swift/$'\n'/ }"
  exit 1
fi
# To ask a toolchain for its version takes ten times as long as all else here:
# one that was new enough is asked again only when it has changed.
asked=$(dirname "${BASH_SOURCE[0]}")/../.build-guest/new-enough-swift
if [[ -f $asked && $(<"$asked") == "$swift" && $asked -nt $swift ]]; then
  exit 0
fi
version=$(swift --version 2>/dev/null) || version=
if [[ ! $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]]; then
  say "'swift --version' does not name a version. ${get_swift/$'\n'/ }"
  exit 1
fi
if ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] < 6003)); then
  say "Swift ${BASH_REMATCH[1]}.${BASH_REMATCH[2]} is too old." \
    "${get_swift/$'\n'/ }"
  exit 1
fi
# Apus may lie where it cannot be written to, and run a package elsewhere.
{
  mkdir -p "${asked%/*}" && printf '%s\n' "$swift" >"$asked"
} 2>/dev/null || true
