/* SPDX-License-Identifier: Apache-2.0 */
/* libntirpc's headers, which are not ours to warn about. */
#ifndef TESTS_PROTO_NTIRPC_ALL_H
#define TESTS_PROTO_NTIRPC_ALL_H

#pragma GCC system_header

#include <rpc/rpc.h>
#include <rpc/clnt.h>
#include <rpc/svc.h>

#endif
