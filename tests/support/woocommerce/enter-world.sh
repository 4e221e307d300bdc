#!/bin/sh
# TMPDIR=<folder> enter-world.sh <program> [argument…], in network and mount namespaces of its own: the chart's ports are free here,
# packets to the internet are lost as behind a policy that drops them, and what is written lies in memory.
set -eu
ip link set lo up
ip address add 198.51.100.2/32 dev lo
# Else the web server takes the machine for one without.
ip address add 2001:db8::2/128 dev lo
ip route add default dev lo src 198.51.100.2
mount -t tmpfs -o mode=1777 tmpfs "$TMPDIR"
exec "$@"
