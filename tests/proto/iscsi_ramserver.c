/* SPDX-License-Identifier: Apache-2.0 */
/* A real iSCSI service over memory LUNs, for real initiators: iscsi_ramserver PORT [LUN_MIB [LUNS [LOOPS]]].
 * Prints "ready PORT IQN" once it listens (PORT 0 takes a free one) and runs until SIGTERM. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/stream.h"
#include "proto/iscsi/iscsi_server.h"
#include "tests/support/ramlun.h"

#define IQN "iqn.2026-11.org.vcstore:ram"
#define LOOPS_MAX 8

static struct iscsi_server *server;
static struct loop *loops[LOOPS_MAX];
static unsigned n_loops = 1, next_loop;

struct handover {
	struct task task;
	struct loop *loop;
	int fd;
};

static void handover_run(struct task *task)
{
	struct handover *h = container_of(task, struct handover, task);

	iscsi_server_serve(server, h->loop, h->fd);
	free(h);
}

static void accepted(void *owner, int fd)
{
	struct handover *h = calloc(1, sizeof *h);

	(void)owner;
	if (h == NULL) {
		close(fd);
		return;
	}
	h->task.run = handover_run;
	h->loop = loops[next_loop++ % n_loops];
	h->fd = fd;
	world_post(loop_world(h->loop), &h->task);
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(*port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	socklen_t len = sizeof address;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		perror("listen");
		exit(1);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

static void on_stopped(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < n_loops; i++)
		loop_stop(loops[i]);
}

static void wait_for_signal(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &sig);
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static unsigned long argument(char **argv, int argc, int i, unsigned long fallback)
{
	return argc > i ? strtoul(argv[i], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	uint16_t port = (uint16_t)argument(argv, argc, 1, 0);
	uint64_t lun_bytes = (uint64_t)argument(argv, argc, 2, 64) << 20;
	unsigned n_luns = (unsigned)argument(argv, argc, 3, 1);
	struct lunmap_entry entries[RAMLUN_MAX];
	struct iscsi_server_config config = { .target_name = IQN };
	struct listener *listener;
	int fd, err;

	n_loops = (unsigned)argument(argv, argc, 4, 1);
	if (n_luns == 0 || n_luns > RAMLUN_MAX || n_loops == 0 || n_loops > LOOPS_MAX)
		return 2;
	block_signals();
	err = page_arena_init((size_t)(lun_bytes / PAGE_SIZE * n_luns + 32768));
	for (unsigned i = 0; i < n_luns; i++)
		entries[i] = ramlun_add(i, lun_bytes);
	err = err != 0 ? err : lunmap_new(&config.maps);
	err = err != 0 ? err : lunmap_replace(config.maps, ramlun_volume(), entries, n_luns);
	err = err != 0 ? err : iscsi_server_new(&config, &server);
	for (unsigned i = 0; i < n_loops && err == 0; i++)
		err = loop_new("iscsi", &loops[i]);
	fd = listen_on(&port);
	err = err != 0 ? err : listener_new(loops[0], fd, accepted, NULL, &listener);
	for (unsigned i = 0; i < n_loops && err == 0; i++)
		err = loop_start(loops[i]);
	if (err != 0) {
		fprintf(stderr, "iscsi_ramserver: %s\n", error_name(err));
		return 1;
	}
	printf("ready %u %s\n", port, IQN);
	fflush(stdout);
	wait_for_signal();
	iscsi_server_stop(server, on_stopped, NULL);
	for (unsigned i = 0; i < n_loops; i++)
		loop_join(loops[i]);
	listener_free(listener);
	iscsi_server_free(server);
	for (unsigned i = 0; i < n_loops; i++)
		loop_free(loops[i]);
	lunmap_free(config.maps);
	ramlun_clear();
	page_arena_fini();
	return 0;
}
