/* M/M/c on a binary event heap: the yardstick for the compiled engine.
   usage: mmc SERVERS ARRIVALS_PER_S SERVICE_S REQUESTS SEED; prints seconds of computing and the mean time in system. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct { double time; int64_t number; int32_t kind, who; } Event;
enum { ARRIVAL, DEPARTURE };

static Event *heap;
static int heap_size;

static double uniform(uint64_t *state) {
    uint64_t bits = (*state += 0x9E3779B97F4A7C15ull);
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    return ((double)((bits ^ (bits >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static int first(const Event *a, const Event *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

static void schedule(Event event) {
    int hole = heap_size++;
    while (hole && first(&event, &heap[(hole - 1) / 2])) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = event;
}

static Event next_event(void) {
    Event top = heap[0], last = heap[--heap_size];
    int hole = 0, below;
    while ((below = 2 * hole + 1) < heap_size) {
        if (below + 1 < heap_size && first(&heap[below + 1], &heap[below])) below++;
        if (!first(&heap[below], &last)) break;
        heap[hole] = heap[below];
        hole = below;
    }
    heap[hole] = last;
    return top;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    int servers = atoi(words[1]), requests = atoi(words[4]);
    double gap_s = 1 / atof(words[2]), service_s = atof(words[3]);
    uint64_t state = strtoull(words[5], 0, 10);
    heap = malloc(sizeof(Event) * (servers + 16));
    double *arrived = malloc(sizeof(double) * requests), *finished = malloc(sizeof(double) * requests);
    int32_t *next = malloc(sizeof(int32_t) * requests);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int busy = 0, head = -1, tail = -1, done = 0;
    schedule((Event){-log(uniform(&state)) * gap_s, 0, ARRIVAL, 0});
    while (done < requests) {
        Event event = next_event();
        double now = event.time;
        if (event.kind == ARRIVAL) {
            int who = event.who;
            arrived[who] = now;
            if (who + 1 < requests) schedule((Event){now - log(uniform(&state)) * gap_s, who + 1, ARRIVAL, who + 1});
            if (busy < servers) {
                busy++;
                schedule((Event){now - log(uniform(&state)) * service_s, who, DEPARTURE, who});
            } else {
                next[who] = -1;
                if (tail < 0) head = who; else next[tail] = who;
                tail = who;
            }
        } else {
            finished[event.who] = now;
            done++;
            if (head < 0) { busy--; continue; }
            int who = head;
            head = next[who];
            if (head < 0) tail = -1;
            schedule((Event){now - log(uniform(&state)) * service_s, who, DEPARTURE, who});
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double total = 0;
    for (int who = 0; who < requests; who++) total += finished[who] - arrived[who];
    printf("%.6f %.9f\n", end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec), total / requests);
    return 0;
}
