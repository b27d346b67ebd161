/* cpgbench GROUP: one client of a Corosync closed process group, which speaks
 * the lines of package members. Times are CLOCK_MONOTONIC in ns, one clock for
 * all processes of a machine. One thread polls the standard input and Corosync;
 * messages are in agreed order, the only one that CPG has. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <corosync/corotypes.h>
#include <corosync/cpg.h>

#define LATENCIES 2000000
#define SECOND 1000000000LL
#define SIZE_MAX_BYTES 1000000

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static cpg_handle_t handle;
static unsigned self;

/* the load that runs; open_at is INT64_MAX while there is none */
static int64_t start_at, open_at = INT64_MAX, shut_at, last, due;
static int size, rate, sends;
static uint64_t in_window;
static uint32_t latencies[LATENCIES], own[LATENCIES];
static size_t nlatencies, nown;
static char payload[SIZE_MAX_BYTES];

static void deliver(cpg_handle_t h, const struct cpg_name *g, uint32_t from, uint32_t pid, void *m, size_t len)
{
	int64_t sent, t = now();
	(void)h; (void)g; (void)pid;
	last = t;
	if (t < open_at || t > shut_at || len < sizeof sent)
		return;
	in_window++;
	memcpy(&sent, m, sizeof sent);
	if (sent < open_at)
		return;
	if (nlatencies < LATENCIES)
		latencies[nlatencies++] = (t - sent) / 1000;
	if (from == self && nown < LATENCIES)
		own[nown++] = (t - sent) / 1000;
}

static void changed(cpg_handle_t h, const struct cpg_name *g, const struct cpg_address *m, size_t nm,
	const struct cpg_address *l, size_t nl, const struct cpg_address *j, size_t nj)
{
	(void)h; (void)g; (void)m; (void)l; (void)nl; (void)j; (void)nj;
	printf("VIEW %lld %zu 0\n", (long long)now(), nm);
	fflush(stdout);
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static int quantile(uint32_t *v, size_t n, double p)
{
	return n ? (int)v[(size_t)(p * (n - 1))] : -1;
}

static void begin(const char *line)
{
	long long a, b, c;
	if (sscanf(line, "LOAD %lld %lld %lld %d %d %d", &a, &b, &c, &size, &rate, &sends) != 6 ||
		size < (int)sizeof(int64_t) || size > SIZE_MAX_BYTES)
		exit(2);
	start_at = due = a;
	in_window = nlatencies = nown = 0;
	shut_at = c;
	open_at = b;
}

static void end(void)
{
	qsort(latencies, nlatencies, sizeof *latencies, ascending);
	qsort(own, nown, sizeof *own, ascending);
	printf("RESULT %.1f %d %d %d %d\n", in_window / ((shut_at - open_at) / 1e9),
		quantile(latencies, nlatencies, .5), quantile(latencies, nlatencies, .99),
		quantile(own, nown, .5), quantile(own, nown, .99));
	fflush(stdout);
	open_at = INT64_MAX;
}

/* send_some sends what is due, as long as flow control lets it; it reports
 * whether anything went out. */
static int send_some(void)
{
	struct iovec iov = { payload, (size_t)size };
	int k;
	for (k = 0; k < 32; k++) {
		int64_t t = now();
		if (t < due || t >= shut_at)
			break;
		memcpy(payload, &t, sizeof t);
		if (cpg_mcast_joined(handle, CPG_TYPE_AGREED, &iov, 1) != CS_OK)
			break;
		if (rate > 0)
			due += SECOND / rate;
	}
	return k > 0;
}

/* rest waits for input until the next message is due, 1 ms at most. */
static void rest(struct pollfd *p, int busy)
{
	struct timespec t = { 0, busy ? 0 : 1000000 };
	int64_t left = due - now();
	if (!busy && sends && left > 0 && left < t.tv_nsec)
		t.tv_nsec = left;
	ppoll(p, 2, &t, NULL);
}

/* listen_in reads lines; it reports whether the member is to go on. */
static int listen_in(void)
{
	static char text[4096];
	static size_t n;
	ssize_t got = read(0, text + n, sizeof text - 1 - n);
	char *line;
	if (got <= 0)
		return 0;
	n += got;
	text[n] = 0;
	while ((line = memchr(text, '\n', n))) {
		if (strncmp(text, "LOAD", 4) != 0)
			return 0;
		begin(text);
		n -= line + 1 - text;
		memmove(text, line + 1, n);
	}
	return n < sizeof text - 1;
}

static int join(struct cpg_name *g)
{
	cpg_callbacks_t callbacks = { .cpg_deliver_fn = deliver, .cpg_confchg_fn = changed };
	int64_t giveup = now() + 60 * SECOND;
	cs_error_t e;
	while (cpg_initialize(&handle, &callbacks) != CS_OK) {
		if (now() > giveup)
			return 0;
		usleep(5000);
	}
	cpg_local_get(handle, &self);
	while ((e = cpg_join(handle, g)) == CS_ERR_TRY_AGAIN && now() < giveup)
		usleep(2000);
	return e == CS_OK;
}

int main(int argc, char **argv)
{
	struct cpg_name g;
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
	if (argc != 2)
		return 2;
	snprintf(g.value, sizeof g.value, "%s", argv[1]);
	g.length = strlen(g.value);
	if (!join(&g)) {
		fprintf(stderr, "cpgbench: no corosync\n");
		return 1;
	}
	cpg_fd_get(handle, &p[1].fd);
	for (;;) {
		int64_t t = now();
		int loaded = open_at != INT64_MAX;
		int sending = loaded && sends && t >= start_at && t < shut_at;
		rest(p, sending && send_some());
		if (p[0].revents && !listen_in())
			break;
		if (p[1].revents && cpg_dispatch(handle, CS_DISPATCH_ALL) != CS_OK)
			return 1;
		/* what is still under way must not arrive in the next load */
		if (loaded && t > shut_at && ((t - last > SECOND / 2 && t - shut_at > SECOND / 2) || t - shut_at > 10 * SECOND))
			end();
	}
	cpg_leave(handle, &g);
	cpg_finalize(handle);
	return 0;
}
