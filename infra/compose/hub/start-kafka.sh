#!/bin/sh
# Starts the broker; at the first start it makes the data folder with the operator as its first user.
# The password goes by a file that only this user can read, never by a command line.
set -eu
config=${KAFKA_CONFIG:-/network/servers/kafka/server.properties}
password=${KAFKA_PASSWORD_FILE:-/run/secrets/broker}
programs=${KAFKA_PROGRAMS:-/opt/kafka/bin}
data=$(sed -n 's/^log\.dirs=//p' "$config")

if [ ! -e "$data/meta.properties" ]; then
    umask 077
    mkdir -p "$data"
    arguments=$(mktemp)
    trap 'rm -f "$arguments"' EXIT
    {
        printf '%s\n' format --standalone --cluster-id "$("$programs/kafka-storage.sh" random-uuid)"
        printf '%s\n' --config "$config" --add-scram "SCRAM-SHA-512=[name=admin,password=$(cat "$password")]"
    } > "$arguments"
    # its output names keys, so it is not kept
    "$programs/kafka-storage.sh" "@$arguments" > /dev/null
    rm -f "$arguments"
    trap - EXIT
fi

# clients come from outside the container; what the broker says to itself stays inside
listeners=$(sed -n "s/^listeners=CLIENT:\/\/127\.0\.0\.1/CLIENT:\/\/${KAFKA_LISTEN:-0.0.0.0}/p" "$config")
exec "$programs/kafka-server-start.sh" "$config" --override "listeners=$listeners"
