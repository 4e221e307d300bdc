#!/bin/bash
# What the official image's entry point does with the variables the chart sets, for the user the chart sets.
set -Eeuo pipefail

from_file() {
  local name=$1 file=${1}_FILE
  if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
    echo "$name and $file are both set" >&2
    exit 1
  fi
  if [ -n "${!file:-}" ]; then export "$name"="$(cat "${!file}")"; fi
  unset "$file"
}

initialise() {
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER
  from_file POSTGRES_DB
  : "${POSTGRES_USER:=postgres}"
  : "${POSTGRES_DB:=$POSTGRES_USER}"
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo 'POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE has to be set for a new database' >&2
    exit 1
  fi
  # Made aside and moved: a pod that dies before the move leaves no half database in the place of a whole one.
  local making=$PGDATA.making
  rm -rf "$making"
  # shellcheck disable=SC2086
  initdb --pgdata="$making" --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    ${POSTGRES_INITDB_ARGS:-}
  printf "\nlisten_addresses = '*'\n" >> "$making/postgresql.conf"
  printf '\nhost all all all scram-sha-256\n' >> "$making/pg_hba.conf"
  pg_ctl -D "$making" -o "-c listen_addresses=''" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    psql -v ON_ERROR_STOP=1 --no-password --username "$POSTGRES_USER" --dbname postgres \
      --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
  fi
  pg_ctl -D "$making" -m fast -w stop
  mv "$making" "$PGDATA"
}

if [ "${1:-}" = postgres ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ]; then initialise; fi
  unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
fi
exec "$@"
