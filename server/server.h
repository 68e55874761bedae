/* SPDX-License-Identifier: Apache-2.0 */
/* The server: everything that vcd is made of, put together, run, and taken apart again.
 *
 * BOOT ORDER. lock of the state directory, listening sockets (so that an address in use is said before anything else),
 * page arena, loops, protocol services, administration; then on the admin loop: volumes mounted, portals opened,
 * systemd told.
 * STOP ORDER. portals, sessions of the protocols, administration (last consistency points, volumes unmounted), loops.
 * THREADS. The main thread runs the admin loop; the others are the loops that volumes and connections live on. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/settings.h"

/* Run until SIGTERM or SIGINT; a second one ends the process at once. `config_path` is read again at SIGHUP (log
 * level). Returns the exit status; what failed was said on stderr. */
int server_run(const struct settings *settings, const char *config_path);

#endif
