#!/bin/bash
# Ends with 0 when the service in this container answers 200 at the given path. A check every few seconds
# should not cost a Node process, and the image has neither curl nor wget.
set -eu
exec 3<>"/dev/tcp/127.0.0.1/${PORT:-3000}"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
read -r _ status _ <&3
[[ $status == 200 ]]
