/* SPDX-License-Identifier: Apache-2.0 */
/* A program that serves an empty volume in memory over NFS: nfs_ramserver PORT [THREADS]. For clients we did not write,
 * and as a measure of what the protocol costs without a file system. Exports /vol/vol0 to everybody on loopback. Ends
 * on end of file of its input. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/page.h"
#include "fs/message.h"
#include "proto/mount/mount.h"
#include "proto/nfs/nfs_server.h"
#include "tests/support/ramfs.h"

#define THREADS_MAX 16U

static void accepted(void *owner, int fd)
{
	nfs_server_accept(owner, NULL, fd);
}

static int listen_on(uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void export_all(struct export_table *exports, const struct fs_volume *volume)
{
	struct export_client client;
	struct export_spec spec = { .id = 1, .path = "/", .clients = &client, .n_clients = 1 };

	vc_assert(export_client_init(&client, "127.0.0.0/8") == 0);
	vc_assert(export_client_set_options(&client, "rw,insecure,no_root_squash") == 0);
	vc_assert(export_table_set(exports, fs_volume_uuid(volume), fs_volume_name(volume), &spec, 1) == 0);
}

static void stopped(void *arg)
{
	loop_stop(arg);
}

static void input_ready(struct watch *watch, unsigned events)
{
	struct nfs_server **server = (struct nfs_server **)(void *)(watch + 1);
	char byte;

	(void)events;
	if (read(watch->fd, &byte, 1) > 0)
		return;
	loop_watch_stop(watch);
	nfs_server_stop(*server, stopped, watch->loop);
}

/* Serve until the input ends; loops[0] runs here. */
static void serve(struct loop **loops, unsigned n, int listen_fd, uint16_t port)
{
	struct {
		struct watch watch;
		struct nfs_server *server;
	} input = { .watch = { .ready = input_ready } };
	const struct nfs_server_options options = { .mount = &mount_program };
	struct export_table *exports;
	struct listener *listener;
	struct fs_volume *volume = ramfs_new(loop_world(loops[0]), "vol0");

	vc_assert(export_table_new(&exports) == 0);
	export_all(exports, volume);
	vc_assert(nfs_server_new(loops, n, exports, &options, &input.server) == 0);
	vc_assert(listener_new(loops[0], listen_fd, accepted, input.server, &listener) == 0);
	vc_assert(loop_watch_start(loops[0], &input.watch, STDIN_FILENO, WATCH_READ) == 0);
	printf("port %u\n", port);
	fflush(stdout);
	loop_run(loops[0]);
	listener_free(listener);
	for (unsigned i = 1; i < n; i++) {
		loop_stop(loops[i]);
		loop_join(loops[i]);
	}
	nfs_server_free(input.server);
	export_table_free(exports);
	ramfs_unmount(volume);
}

int main(int argc, char **argv)
{
	struct loop *loops[THREADS_MAX];
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	uint16_t port = 0;
	int fd = listen_on(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0, &port);

	if (fd < 0 || n < 1 || n > THREADS_MAX || page_arena_init(131072) != 0) {
		fprintf(stderr, "usage: nfs_ramserver [PORT [THREADS]] (%s)\n", error_name(fd));
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < n; i++) {
		if (loop_new("nfs", &loops[i]) != 0 || (i > 0 && loop_start(loops[i]) != 0))
			return 1;
	}
	serve(loops, n, fd, port);
	for (unsigned i = 0; i < n; i++)
		loop_free(loops[i]);
	page_arena_fini();
	return 0;
}
