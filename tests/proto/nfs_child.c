/* SPDX-License-Identifier: Apache-2.0 */
/* nfs_ramserver as a child process. */
#include "tests/proto/nfs_child.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int server_path(char ret_path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret_path, PATH_MAX - 32);
	char *slash;

	if (n < 0)
		return -1;
	ret_path[n] = '\0';
	slash = strrchr(ret_path, '/');
	memcpy(slash + 1, "nfs_ramserver", sizeof "nfs_ramserver");
	return 0;
}

static void become_server(const char *path, const char *threads, int input, int output)
{
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
		_exit(126);
	execl(path, path, "0", threads, (char *)NULL);
	_exit(127);
}

int nfs_child_start(struct nfs_child *child, const char *threads)
{
	int input[2], output[2];
	char path[PATH_MAX];
	unsigned port = 0;
	FILE *file;

	if (server_path(path) < 0 || pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
		return -1;
	child->pid = fork();
	if (child->pid == 0)
		become_server(path, threads, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	child->input = input[1];
	file = fdopen(output[0], "r");
	if (file == NULL || fscanf(file, "port %u", &port) != 1)
		port = 0;
	if (file != NULL)
		fclose(file);
	child->port = (uint16_t)port;
	return child->pid > 0 && port != 0 ? 0 : -1;
}

int nfs_child_stop(struct nfs_child *child)
{
	int status;

	close(child->input);
	if (waitpid(child->pid, &status, 0) != child->pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
