/* SPDX-License-Identifier: Apache-2.0 */
/* libntirpc, an RPC implementation we did not write, against the server. A program of its own: libntirpc shares names
 * with libtirpc. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_child.h"
#include "tests/proto/ntirpc_all.h"

#define NFS_PROGRAM_NUMBER 100003U
#define MOUNT_PROGRAM_NUMBER 100005U

static struct nfs_child child;
static AUTH *auth;

/* Arguments or results as words and bytes, without a description: what goes over the wire is all that counts here. */
struct raw {
	uint32_t words[64];
	unsigned n_words; /* encoded, or wanted when decoding */
};

static bool raw_xdr(XDR *xdr, void *object)
{
	struct raw *raw = object;

	for (unsigned i = 0; i < raw->n_words && xdr->x_op != XDR_FREE; i++) {
		bool ok = xdr->x_op == XDR_ENCODE ? xdr->x_ops->x_putunit(xdr, raw->words[i])
		                                  : xdr->x_ops->x_getunit(xdr, &raw->words[i]);

		if (!ok)
			return false;
	}
	return true;
}

/* The library reads every record into a request of its user's, replies too. */
static struct svc_req *request_alloc(SVCXPRT *xprt, XDR *xdr)
{
	struct svc_req *request = calloc(1, sizeof *request);

	assert_non_null(request);
	SVC_REF(xprt, SVC_REF_FLAG_NONE);
	request->rq_xprt = xprt;
	request->rq_xdrs = xdr;
	request->rq_refcnt = 1;
	return request;
}

static void request_free(struct svc_req *request, enum xprt_stat stat)
{
	(void)stat;
	SVC_RELEASE(request->rq_xprt, SVC_REF_FLAG_NONE);
	free(request);
}

static int setup(void **state)
{
	svc_init_params params = { .alloc_cb = request_alloc,
		                   .free_cb = request_free,
		                   .flags = SVC_INIT_EPOLL | SVC_INIT_NOREG_XPRTS,
		                   .max_connections = 64,
		                   .max_events = 1024,
		                   .ioq_thrd_max = 4,
		                   .ioq_thrd_min = 2 };

	(void)state;
	if (nfs_child_start(&child, "1") != 0 || !svc_init(&params))
		return -1;
	auth = authnone_ncreate();
	return auth != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return nfs_child_stop(&child);
}

static CLIENT *client_new(uint32_t program, uint32_t version)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(child.port),
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct netbuf raddr = { .maxlen = sizeof address, .len = sizeof address, .buf = &address };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CLIENT *client;

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	client = clnt_vc_ncreatef(fd, &raddr, program, version, 0, 0,
	                          CLNT_CREATE_FLAG_CLOSE | CLNT_CREATE_FLAG_CONNECT);
	assert_non_null(client);
	assert_true(CLNT_SUCCESS(client));
	return client;
}

static enum clnt_stat call(CLIENT *client, uint32_t procedure, struct raw *args, struct raw *results)
{
	const struct timespec timeout = { .tv_sec = 3 };
	struct clnt_req *request = calloc(1, sizeof *request);
	enum clnt_stat stat;

	assert_non_null(request);
	clnt_req_fill(request, client, auth, procedure, raw_xdr, args, raw_xdr, results);
	stat = clnt_req_setup(request, timeout);
	if (stat == RPC_SUCCESS)
		stat = CLNT_CALL_WAIT(request);
	clnt_req_release(request);
	return stat;
}

static enum clnt_stat call_alone(uint32_t program, uint32_t version, uint32_t procedure)
{
	struct raw args = { .n_words = 0 }, results = { .n_words = 0 };
	CLIENT *client = client_new(program, version);
	enum clnt_stat stat = call(client, procedure, &args, &results);

	CLNT_DESTROY(client);
	return stat;
}

/* An error must be told. libntirpc 4.3 returns the status of the sending when a reply comes before it waits: then ask
 * again. */
static enum clnt_stat error_of(uint32_t program, uint32_t version, uint32_t procedure)
{
	enum clnt_stat stat = RPC_SUCCESS;

	for (unsigned tries = 0; tries < 50 && stat == RPC_SUCCESS; tries++)
		stat = call_alone(program, version, procedure);
	return stat;
}

static void null_procedures_answer_and_errors_are_understood(void **state)
{
	(void)state;
	assert_int_equal(call_alone(NFS_PROGRAM_NUMBER, 3, 0), RPC_SUCCESS);
	assert_int_equal(call_alone(MOUNT_PROGRAM_NUMBER, 3, 0), RPC_SUCCESS);
	assert_int_equal(error_of(100000, 2, 0), RPC_PROGUNAVAIL);
	assert_int_equal(error_of(NFS_PROGRAM_NUMBER, 2, 0), RPC_PROGVERSMISMATCH);
	assert_int_equal(error_of(NFS_PROGRAM_NUMBER, 3, 99), RPC_PROCUNAVAIL);
	assert_int_equal(error_of(NFS_PROGRAM_NUMBER, 3, 1), RPC_CANTDECODEARGS);
}

/* "/vol/vol0" */
static const struct raw mount_path = { .words = { 9, 0x2f766f6c, 0x2f766f6c, 0x30000000 }, .n_words = 4 };

static void mounting_and_getattr_work_many_times_on_one_connection(void **state)
{
	struct raw path = mount_path, mounted = { .n_words = 16 }, getattr = { .n_words = 15 },
	           attr = { .n_words = 22 };
	CLIENT *mount = client_new(MOUNT_PROGRAM_NUMBER, 3), *nfs = client_new(NFS_PROGRAM_NUMBER, 3);

	(void)state;
	assert_int_equal(call(mount, 1, &path, &mounted), RPC_SUCCESS);
	assert_int_equal(mounted.words[0], 0);
	assert_int_equal(mounted.words[1], 56);
	memcpy(getattr.words, &mounted.words[1], 15 * sizeof(uint32_t));
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(call(nfs, 1, &getattr, &attr), RPC_SUCCESS);
		assert_int_equal(attr.words[0], 0);
		assert_int_equal(attr.words[1], 2); /* a directory */
	}
	getattr.words[12] ^= 1;
	attr.n_words = 1;
	assert_int_equal(call(nfs, 1, &getattr, &attr), RPC_SUCCESS);
	assert_int_equal(attr.words[0], 10001); /* NFS3ERR_BADHANDLE */
	CLNT_DESTROY(mount);
	CLNT_DESTROY(nfs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_procedures_answer_and_errors_are_understood),
		cmocka_unit_test(mounting_and_getattr_work_many_times_on_one_connection),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
