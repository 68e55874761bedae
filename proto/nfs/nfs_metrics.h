/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the NFS server, registered for /metrics. Any thread. */
#ifndef PROTO_NFS_NFS_METRICS_H
#define PROTO_NFS_NFS_METRICS_H

#include <stdint.h>

#include "base/counters.h"
#include "proto/rpc/rpc_service.h"

#define NFS_METRICS_PROCEDURES 22U

struct nfs_metrics;

/* NULL: no memory. */
struct nfs_metrics *nfs_metrics_new(void);
void nfs_metrics_free(struct nfs_metrics *metrics);
/* A reply with `status` after `ns`. */
void nfs_metrics_count(struct nfs_metrics *metrics, uint32_t procedure, uint32_t status, uint64_t ns);
struct rpc_counters *nfs_metrics_rpc(struct nfs_metrics *metrics);

#endif
