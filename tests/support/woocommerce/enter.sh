#!/bin/sh
# enter.sh <place> <program> [argument…], in a mount namespace of its own: what a container of the chart sees.
# A read-only root with the image's files at their real paths, uid 33, and four folders that can be written.
set -eu
place=$1
shift
root=$place/root
mount --bind "$root" "$root"
for part in usr etc dev proc; do mount --rbind "/$part" "$root/$part"; done
mount --bind "$place/usr-local" "$root/usr/local"
mount --bind "$place/etc-apache2" "$root/etc/apache2"
mount --bind "$place/hosts" "$root/etc/hosts"
trusted=$place/trusted.crt
[ ! -e "$trusted" ] || mount --bind "$trusted" "$root/etc/ssl/certs/ca-certificates.crt"
for part in '' /usr /usr/local /etc /etc/apache2; do mount -o remount,bind,ro "$root$part"; done
mount --bind "$place/writable/tmp" "$root/tmp"
mount --bind "$place/writable/run" "$root/run/apache2"
mount --bind "$place/writable/uploads" "$root/var/www/html/wp-content/uploads"
exec chroot --userspec=33:33 --groups= "$root" "$@"
