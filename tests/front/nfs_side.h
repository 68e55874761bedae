/* SPDX-License-Identifier: Apache-2.0 */
/* The NFS client of a history: libnfs' raw calls on two connections, and the model that follows them. */
#ifndef TESTS_FRONT_NFS_SIDE_H
#define TESTS_FRONT_NFS_SIDE_H

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>

#include "tests/front/front.h"
#include "tests/front/nfs_model.h"

#define NFS_PEERS 2U
#define NFS_CALLS 8U /* in flight */
#define NFS_DOUBTS 16U
#define NFS_MARK_BYTES 4U
#define NFS_HEAD_BYTES 68U /* of libnfs' calls */

struct nfs_side;

/* A connection. */
struct nfs_peer {
	struct nfs_side *side;
	struct rpc_context *rpc;
	struct watch watch;
	bool connected, resting;
	unsigned n_flying;
};

/* What a call does to a name. */
struct nfs_change {
	uint8_t dir, name;
	uint8_t before, after; /* objects */
};
#define NFS_CHANGES 2U

/* A call that was lost may have done this, all of it, or nothing. */
struct nfs_doubt {
	struct nfs_change changes[NFS_CHANGES];
	unsigned n_changes;
	uint8_t made;
};

struct nfs_row;

struct nfs_call {
	struct front *front;
	struct nfs_peer *peer;
	const struct nfs_row *row;
	bool flying;
	uint32_t xid;
	uint16_t port; /* of the connection it was sent on first, ... */
	uint64_t n_received; /* ... and what that had received before */
	const struct nfs_call *apart; /* not about what that one is about; NULL: about anything */
	bool looks; /* at a name: any answer will do when that was changed meanwhile */
	uint32_t expect; /* nfsstat3 */
	uint64_t sent;
	uint8_t object, made;
	uint8_t dir, name;
	struct nfs_change changes[NFS_CHANGES];
	unsigned n_changes;
	/* data: cells `first`, `n` */
	unsigned first, n;
	bool writes, durable;
	bool sizes; /* the size becomes `size` */
	uint64_t stamp, size;
	bool modes;
	uint64_t offset;
	uint32_t count;
};

/* A procedure. */
struct nfs_row {
	const char *name;
	/* Choose, tell the model, and hand the call to libnfs. False: there is nothing to do it to. */
	bool (*send)(struct nfs_call *call);
	/* The results of a success agree with the model. May be NULL. */
	void (*check)(struct nfs_call *call, void *results);
	bool has_status; /* results begin with one */
	bool modifies;
	unsigned args_bytes; /* at least so many, before a payload */
	bool is_mount; /* MOUNT, whose errors are other ones */
};

struct nfs_side {
	struct front *front;
	struct nfs_model *model;
	struct nfs_peer peers[NFS_PEERS];
	struct nfs_call calls[NFS_CALLS];
	struct nfs_doubt doubts[NFS_DOUBTS];
	unsigned n_doubts;
	bool power_cut; /* since the last audit */
	char verifier[8]; /* of this life, has_verifier; of one before */
	bool has_verifier, lived_before;
	uint32_t xid; /* the last one */
	struct nfs_call before; /* whose XID another may have now; row NULL: nobody's */
	struct nfs_call apart; /* whose XID the call being sent has */
};

extern const struct nfs_row nfs_rows[];
unsigned nfs_n_rows(void);

/* nfs_side.c */
static inline struct nfs_side *nfs_side_of(const struct front *front)
{
	return front->side;
}
void nfs_connect(struct nfs_side *side);
void nfs_answered(struct rpc_context *rpc, int status, void *data, void *private_data);
/* What libnfs shall be given for a handle. */
struct nfs_fh3 nfs_fh_of(struct nfs_bytes *handle);
void nfs_bytes_set(struct nfs_bytes *to, const struct nfs_fh3 *handle);
/* libnfs has something to say, or waits for something else than before. */
void nfs_peer_watch(struct nfs_peer *peer);

/* nfs_look.c: answers compared with the model. */
/* What may be there: since the power failed and nobody has looked, what may have survived. */
bool nfs_size_may_be(const struct nfs_call *call, const struct nfs_object *object, uint64_t size);
void nfs_check_attr(struct nfs_call *call, uint8_t object, const struct fattr3 *attr);
void nfs_check_post_attr(struct nfs_call *call, uint8_t object, const struct post_op_attr *attr);
void nfs_check_verifier(struct nfs_call *call, const char verifier[8]);
/* `len` bytes read at `offset` of the object: whole cells, all of them with values that may be there. */
void nfs_check_bytes(struct nfs_call *call, uint8_t object, uint64_t offset, const char *bytes, uint32_t len);
/* The contents of a symlink of this length. */
void nfs_target_fill(unsigned len, char *text);

/* nfs_again.c: calls that come again */
bool nfs_comes_again(const struct front *front);
/* Its XID, before it is chosen. */
void nfs_xid_set(struct nfs_call *call);
/* It has been handed to libnfs: its reply is to be lost. */
void nfs_reply_lose(struct nfs_call *call);
/* struct front_client */
void nfs_outlive(struct front *front, bool over);
bool nfs_changes(unsigned call);
/* It is answered. */
void nfs_came_again(struct nfs_call *call);

/* nfs_audit.c */
void nfs_audit(struct front *front);

#endif
