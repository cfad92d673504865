#!/bin/sh
# A target of your own in shell: the events as they come into the file that it is
# given. Firn starts it (docs/target-exec.md) and ends it by ending its input.
set -eu

while IFS= read -r line; do
	n=${line#'{"n":'} # a line is {"n":12,"event":{…}}
	n=${n%%,*}
	event=${line#*'"event":'}
	event=${event%?}

	if [ "${#event}" -gt 1000000 ]; then
		printf '{"refuse":%s,"message":"larger than a megabyte"}\n' "$n"
		continue
	fi
	printf '%s\n' "$event" >>"$1" # if this fails, the plugin ends, and is started again
	printf '{"ack":%s}\n' "$n"
done
