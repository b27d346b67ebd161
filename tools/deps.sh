#!/usr/bin/env bash
# Installs the Debian packages that the tests need, by name. It asks nobody and
# touches nothing where all of them are there.
#
#   iproute2   ip: network namespaces, links and bridges of internal/netlab
#   iptables   what nft is called by on older machines
#   nftables   nft: cuts, one-way cuts, blocked multicast
#   procps     ps: what a killed run left behind
#   python3    the second implementation of the client protocol
set -euo pipefail

packages=(iproute2 iptables nftables procps python3)

if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian; make sure that there are: ${packages[*]}" >&2
	exit 0
fi
missing=()
for p in "${packages[@]}"; do
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true) == installed ]] || missing+=("$p")
done
if ((${#missing[@]} == 0)); then
	echo "deps: all there: ${packages[*]}"
	exit 0
fi
if ((EUID != 0)); then
	echo "deps: missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
