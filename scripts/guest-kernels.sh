#!/usr/bin/env bash
# Fetches the Debian kernels that `make test-guests` boots into dist/guests/kernels/NAME, once: the kernel as vmlinuz,
# its modules with their index. The mirror is the one that this machine uses; its apt config and lists stay untouched.
set -euo pipefail
cd "$(dirname "$0")/.."
store=dist/guests/kernels

# NAME and the Debian suite whose linux-image-amd64 it is.
kernels='
  6.1  bookworm            # without tcx and netkit
  6.12 bookworm-backports  # with both
'

missing=()
while read -r name suite _; do
  [[ -z $name || -e $store/$name/vmlinuz ]] || missing+=("$name:$suite")
done <<<"$kernels"
((${#missing[@]})) || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The kernels of two suites must not stand in the machine's own lists, where they would be candidates for an upgrade.
own=(-q -o "Dir::Etc::sourcelist=$work/debian.sources" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root
  -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o Acquire::Retries=3)

mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n1
}
prepare_apt() {
  site=$(mirror)
  if [[ -z $site ]]; then apt-get -q update >/dev/null && site=$(mirror); fi
  [[ -n $site ]] || { echo 'guest-kernels: no Debian mirror in the apt sources of this machine' >&2; exit 1; }
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  cat >"$work/debian.sources" <<SOURCES
Types: deb
URIs: $site
Suites: bookworm bookworm-backports
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  apt-get "${own[@]}" update >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

fetch() {
  local name=$1 suite=$2 package release
  # linux-image-amd64 is empty and depends on the image of the day.
  package=$(apt-cache "${own[@]}" show "linux-image-amd64/$suite" | sed -n 's/^Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n1)
  echo "guest-kernels: fetching $package ($suite)" >&2
  mkdir -p "$work/$name"
  (cd "$work/$name" && apt-get "${own[@]}" download "$package" >"$work/log" 2>&1 && dpkg -x ./*.deb tree) || {
    cat "$work/log" >&2
    exit 1
  }
  release=${package#linux-image-}
  # The package has no index of its modules: that is made when it is installed.
  depmod -b "$work/$name/tree" "$release"
  rm -rf "${store:?}/$name"
  mkdir -p "$store/$name/lib"
  mv "$work/$name/tree/lib/modules" "$store/$name/lib/"
  # Last: where this stands, all else does.
  mv "$work/$name/tree/boot/vmlinuz-$release" "$store/$name/vmlinuz"
}

prepare_apt
for entry in "${missing[@]}"; do fetch "${entry%%:*}" "${entry#*:}"; done
