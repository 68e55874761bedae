/* SPDX-License-Identifier: Apache-2.0 */
/* vcd: the storage server's command line. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "server/check_command.h"
#include "server/server.h"

#define CONFIG_DEFAULT "/etc/vcstore/vcd.conf"

static const char usage[] = "Usage: vcd [--config FILE] [--check-config] [--version] [--help]\n"
                            "       vcd check [OPTION]... DISK...\n"
                            "vcd serves vcstore volumes over NFS and iSCSI; vcadm administers it.\n"
                            "  --config FILE    read FILE instead of " CONFIG_DEFAULT "\n"
                            "  --check-config   say whether the configuration is good, and end\n";

int main(int argc, char **argv)
{
	static const struct option flags[] = { { "config", required_argument, NULL, 'c' },
		                               { "check-config", no_argument, NULL, 'k' },
		                               { "version", no_argument, NULL, 'v' },
		                               { "help", no_argument, NULL, 'h' },
		                               { 0 } };
	const char *path = CONFIG_DEFAULT;
	struct settings settings;
	char text[512];
	int flag, check = 0;

	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return check_command(argc - 1, argv + 1);
	while ((flag = getopt_long(argc, argv, "c:h", flags, NULL)) != -1) {
		if (flag == 'c') {
			path = optarg;
		} else if (flag == 'k') {
			check = 1;
		} else if (flag == 'v') {
			(void)printf("vcd %s\n", PACKAGE_VERSION);
			return 0;
		} else {
			(void)fputs(usage, flag == 'h' ? stdout : stderr);
			return flag == 'h' ? 0 : 2;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "vcd: what is \"%s\"?\n%s", argv[optind], usage);
		return 2;
	}
	if (settings_load(path, &settings, text) != 0) {
		(void)fprintf(stderr, "vcd: %s\n", text);
		return 2;
	}
	if (check) {
		(void)printf("%s: the configuration is good\n", path);
		return 0;
	}
	return server_run(&settings, path);
}
