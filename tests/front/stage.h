/* SPDX-License-Identifier: Apache-2.0 */
/* A stage: a simulated machine (tests/crash/machine.h) with the front ends in front of it, all in this process: what
 * vcd is, without its administration. Clients connect to it through simulated sockets (tests/support/simsock.h).
 *
 * THEORY. A volume is formatted and furnished once, unmounted, and its media kept as the image; each history begins on
 * a copy of them. The power can fail at any moment: connections end, the servers and the volume live on on the old
 * media until they are gone, and a new life begins on what the cut left. */
#ifndef TESTS_FRONT_STAGE_H
#define TESTS_FRONT_STAGE_H

#include "tests/crash/machine.h"
#include "tests/support/simloop.h"

/* Clients' headers are included beside this one: nothing of the protocols' own. */
struct nfs_server;
struct export_table;
struct iscsi_server;
struct lunmap;
struct listener;

#define STAGE_NFS_PORT 2049U
#define STAGE_ISCSI_PORT 3260U
#define STAGE_TARGET "iqn.2026-11.org.vcstore:front"
#define STAGE_LUN_PATH "/lun" /* mapped to everybody as LUN 0 */
#define STAGE_LUN_BYTES (2U << 20)
#define STAGE_BLOCKS 6144U /* of each disk: 24 MiB */
#define STAGE_DISKS 4U

struct stage {
	struct machine machine;
	struct loop *loop;
	struct export_table *exports;
	struct nfs_server *nfs;
	struct lunmap *maps;
	struct iscsi_server *iscsi;
	struct listener *listeners[2];
	bool write_cache; /* of the LUN */
};

/* Format a volume and make its LUN; mounted, and not served. */
void stage_image_init(struct machine *image);
/* Mount a copy of the image and serve it. */
void stage_open(struct stage *stage, const struct machine *image, uint64_t seed);
/* Clients have gone. End the servers, unmount (which may fail on disks that have), remove the media. */
void stage_close(struct stage *stage);
/* As stage_close, but the media become the image. */
void stage_keep(struct stage *stage, struct machine *ret_image);
/* Clients have gone, or never will be answered again. The power fails; a new life begins. An error of the mount. */
MUST_CHECK int stage_power_cut(struct stage *stage, uint64_t seed);
/* Let everything that the server has been asked come to its end. */
void stage_settle(struct stage *stage);

#endif
