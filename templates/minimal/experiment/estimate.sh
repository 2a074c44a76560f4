# Estimates pi from random points in the unit square: $1 of them, seeded by RESCIENCE_SEED.
set -eu
awk -v points="$1" -v seed="$RESCIENCE_SEED" -v out="$RESCIENCE_OUT" '
    BEGIN {
        # A Lehmer generator: awk implementations differ in their own.
        state = seed % 2147483646 + 1
        every = points >= 20 ? points / 20 : 1
        for (n = 1; n <= points; n++) {
            state = (16807 * state) % 2147483647; x = state / 2147483647
            state = (16807 * state) % 2147483647; y = state / 2147483647
            if (x * x + y * y < 1) inside++
            if (n % every == 0) {
                pi = 4 * inside / n
                error = pi - 3.14159265358979; if (error < 0) error = -error
                printf "{\"points\": %d, \"pi\": %.9f, \"error\": %.9f}\n", n, pi, error > (out "/series.jsonl")
                printf "{\"step\": %d, \"of\": %d}\n", n, points
            }
        }
        printf "{\"pi\": %.9f, \"error\": %.9f}\n", pi, error > (out "/metrics.json")
    }'
