/* SPDX-License-Identifier: Apache-2.0 */
/* The name of the iSCSI target when vcd.conf gives none.
 *
 * THEORY. A name is for ever and for this server alone (RFC 7143 4.2.7): initiators, maps of multipath devices and
 * licences hang on it. So it is made once, from the host's name and 48 random bits (two hosts may both be called
 * "storage"), kept in the state directory, and stays when the host is renamed. A server that has volumes and no name
 * kept is of a version that made it from the host's name alone: it goes on with that. */
#ifndef SERVER_TARGETNAME_H
#define SERVER_TARGETNAME_H

#include "base/error.h"
#include "base/iscsiname.h"

/* The name kept in `state_dir`, made when there is none. -EUCLEAN: what is kept there is no name; others from the
 * system. */
MUST_CHECK int targetname_take(const char *state_dir, char ret_name[ISCSINAME_MAX + 1U]);

#endif
