#!/usr/bin/env bash
# Installs the Debian packages that are missing: `packages.sh demo` for build, lab and demo, `packages.sh test` for
# those and the tests' own, `packages.sh guests` for those that need another kernel. Nothing to do takes milliseconds
# and no privilege; no installed service is started.
set -euo pipefail

# One package a line, with its reason. «package:command» is not installed where the command is there already.
demo_packages='
  ca-certificates     # npm fetches over TLS
  npm:npm             # installs the dependencies and Node 26 (a Node from elsewhere brings its own npm)
  gcc                 # builds the kernel addon
  libc6-dev           # libc and kernel headers for it
  clang-19            # compiles the BPF programs
  libbpf-dev          # their headers: helper functions and map declarations
  musl-tools          # builds the static CNI program
  containernetworking-plugins  # bridge and host-local to compare with; portmap, bandwidth and tuning for the chain
  iproute2            # ip and tc, to look at what was made
  iptables            # the rules of flannel, to compare with; those of others that must not be touched; portmap uses it
  iputils-ping        # ICMP with a given size and DF
  nftables            # nft builds the agent tables at its start
  openssl             # certificates of the lab API server
  util-linux          # nsenter and unshare enter the lab nodes
'
test_packages='
  busybox-static      # the root file system of the test containers
  chromium            # looks at the report as a reader does: widths, night, paper
  conntrack           # reads connection tracking entries
  containerd          # runs containers on a lab node
  ethtool             # turns the offloads of a link off and on for a bench
  iperf3              # TCP streams of a bench, by the tool that everybody measures them with
  kubernetes-client:kubectl  # the real kubectl against the lab API server
  netcat-openbsd      # TCP and UDP by hand
  podman              # runs containers on a lab node
  prometheus          # reads the metrics, checks the rules and asks the queries of the dashboard
  runc                # the OCI runtime that works without CAP_SYS_RESOURCE
  tcpdump             # what is on the wire
'
guest_packages='
  busybox-static      # the few programs of the guest before its root file system is there
  cpio                # packs its initramfs
  iproute2            # ip, to look at what was made
  iputils-ping        # ICMP between pods
  kmod                # depmod on the host, modprobe in the guest
  nftables            # nft builds the agent tables at its start
  qemu-system-x86     # the machine that the other kernels run on
  util-linux          # nsenter enters the pods
  xz-utils            # the kernel and its modules are packed with it
  zstd                # or with this
'

usage() {
  echo "usage: ${0##*/} demo|test|guests" >&2
  exit 2
}

case "${1:-demo}" in
  demo) wanted=$demo_packages ;;
  test) wanted=$demo_packages$test_packages ;;
  guests) wanted=$guest_packages ;;
  *) usage ;;
esac

candidates=()
while read -r entry _; do
  [[ -n $entry ]] || continue
  command=${entry#*:}
  if [[ $entry == *:* ]] && type -P "$command" >/dev/null; then continue; fi
  candidates+=("${entry%%:*}")
done <<<"$wanted"

# One question for all packages: a process for each would be felt in every `make`.
installed=$(dpkg-query -W -f '${db:Status-Status}=${Package}\n' "${candidates[@]}" 2>/dev/null || true)
missing=()
for package in "${candidates[@]}"; do
  [[ $'\n'$installed$'\n' == *$'\n'installed=$package$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
  if type -P sudo >/dev/null; then exec sudo "$0" "$@"; fi
  echo "packages: these are missing, and only root can install them: ${missing[*]}" >&2
  exit 1
fi

log=$(mktemp)
# A file that dpkg asks before any service starts (invoke-rc.d(8)). One that is there already is its owner's, unless it
# is what a killed run of this script left behind.
policy=/usr/sbin/policy-rc.d
marker='# podlane: no service starts while packages are installed'
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\n%s\nexit 101\n' "$marker" >"$policy"
  chmod 755 "$policy"
fi
finish() {
  rm -f "$log"
  if grep -qsxF "$marker" "$policy"; then rm -f "$policy"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# apt's own status lines (APT::Status-Fd, «pmstatus:PACKAGE:PERCENT:TEXT») as one line that is rewritten on a terminal,
# and silence elsewhere.
show_progress() {
  [[ -t 2 ]] || exec cat >/dev/null
  local line
  while IFS= read -r line; do
    [[ $line =~ ^(dl|pm)status:.*:([0-9]+)[.0-9]*:(.*)$ ]] || continue
    printf '\r\e[Kpackages: %3d %% %s' "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]:0:60}" >&2
  done
  printf '\r\e[K' >&2
}
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o APT::Status-Fd=3 "$@" \
    3> >(show_progress) >>"$log" 2>&1 </dev/null
}
refresh() {
  echo 'packages: fetching the lists of packages' >&2
  apt update
}
install() { apt install --no-install-recommends "${missing[@]}"; }

echo "packages: installing ${#missing[@]}: ${missing[*]}" >&2
started=$SECONDS
# An old list is good enough until it names a file that the mirror no longer has.
apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1 || refresh || true
if ! install && ! { refresh && install; }; then
  cat "$log" >&2
  echo 'packages: apt-get failed, its words stand above' >&2
  exit 1
fi
echo "packages: installed in $((SECONDS - started)) s" >&2
