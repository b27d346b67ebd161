#!/usr/bin/env bash
# Installs the Debian packages that the benchmark beside other systems (bench/)
# needs, by name. It asks nobody and touches nothing where all of them are there.
#
#   corosync, libcpg-dev     Corosync and what its client is built with
#   gcc, libc6-dev           that client
#   libjgroups-java          JGroups 2.12.2
#   default-jdk-headless     what runs it and builds its members
#   iproute2, iptables,
#   nftables                 namespaces, as for internal/netlab
set -euo pipefail

packages=(corosync libcpg-dev gcc libc6-dev libjgroups-java default-jdk-headless iproute2 iptables nftables)

if ! command -v dpkg-query >/dev/null; then
	echo "deps-bench: not a Debian; make sure that there are: ${packages[*]}" >&2
	exit 0
fi
missing=()
for p in "${packages[@]}"; do
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true) == installed ]] || missing+=("$p")
done
if ((${#missing[@]} == 0)); then
	echo "deps-bench: all there: ${packages[*]}"
	exit 0
fi
if ((EUID != 0)); then
	echo "deps-bench: missing: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "deps-bench: installing ${missing[*]}"

# Debian starts a daemon that it installs. Ours run in namespaces, with a
# configuration of their own: nothing is to listen on this machine.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
if [[ " ${missing[*]} " == *" corosync "* ]] && command -v systemctl >/dev/null; then
	systemctl disable corosync || echo "deps-bench: corosync may start with this machine: systemctl disable corosync" >&2
fi
