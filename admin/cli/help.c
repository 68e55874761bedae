/* SPDX-License-Identifier: Apache-2.0 */
/* What vcadm says about itself. */
#include "admin/cli/help.h"

#include <string.h>

#include "admin/cli/request.h"

static const char common[] =
    "Flags for every verb:\n"
    "  --server URL        unix:/PATH or http://HOST:PORT (VCADM_SERVER; unix:/run/vcstore/admin.sock)\n"
    "  --token-file FILE   the token for http://, in a file; or the token itself in VCADM_TOKEN\n"
    "  -o FORMAT           table, wide, json (the REST representation), name\n"
    "  --wait[=SECONDS]    wait for the end of long work; --no-wait: only start it\n"
    "  --watch             show again every second until Ctrl-C\n"
    "  --yes               do not ask before something is destroyed\n"
    "  --help, --version\n"
    "Sizes are bytes or take k, m, g, t (binary). /vol/vol0/x and vol/vol0/x are the same.\n"
    "Exit status: 0 done, 2 usage, 3 not found, 4 conflict, 5 denied, 6 no answer, 7 wait timed out, 8 degraded "
    "(status), 1 else.\n";

static bool is_shown(const struct verb_param *param)
{
	return (param->flags & VERB_OPEN) == 0;
}

static void print_usage(FILE *out, const struct verb *verb)
{
	(void)fprintf(out, "vcadm %s%s%s", verb->noun, verb->verb == NULL ? "" : " ",
	              verb->verb == NULL ? "" : verb->verb);
	for (size_t i = 0; i < verb_n_params(verb); i++) {
		const struct verb_param *param = &verb->params[i];
		bool must = (param->flags & VERB_REQUIRED) != 0;
		if (!is_shown(param))
			continue;
		if (param->flags & VERB_POSITIONAL)
			(void)fprintf(out, must ? " %s" : " [%s]", param->value);
		else
			(void)fprintf(out, "%s--%s%s%s%s%s", must ? " " : " [",
			              param->flags & VERB_NEGATED ? "no-" : "", param->name,
			              param->value == NULL ? "" : " ", param->value == NULL ? "" : param->value,
			              must ? "" : "]");
	}
	(void)fputc('\n', out);
}

static void print_verb(FILE *out, const struct verb *verb)
{
	(void)fputs("Usage: ", out);
	print_usage(out, verb);
	(void)fprintf(out, "  %s\n\n", verb->help);
	for (size_t i = 0; i < verb_n_params(verb); i++) {
		const struct verb_param *param = &verb->params[i];
		char name[64];
		if (!is_shown(param))
			continue;
		if (param->flags & VERB_POSITIONAL)
			(void)snprintf(name, sizeof name, "%s", param->value);
		else
			(void)snprintf(name, sizeof name, "--%s%s%s%s", param->flags & VERB_NEGATED ? "no-" : "",
			               param->name, param->value == NULL ? "" : " ",
			               param->value == NULL ? "" : param->value);
		(void)fprintf(out, "  %-28s %s\n", name, param->help);
	}
	(void)fprintf(out, "\nREST: %s %s%s\n\n", verb_method_name(verb->method), VERB_API_PREFIX, verb->route);
	(void)fputs(common, out);
}

static bool same_noun(const char *noun, int n_words, char *const *words)
{
	for (int i = 0; i < n_words; i++) {
		size_t len = strlen(words[i]);
		if (strncmp(noun, words[i], len) != 0 || (noun[len] != '\0' && noun[len] != ' '))
			return false;
		noun += len;
		noun += *noun == ' ';
	}
	return true;
}

int help_print(FILE *out, int n_words, char *const *words)
{
	int eaten, n = 0;
	const struct verb *one = n_words == 0 ? NULL : request_find_verb(n_words, words, &eaten);

	if (one != NULL && eaten == n_words) {
		print_verb(out, one);
		return 0;
	}
	if (n_words == 0)
		(void)fputs("vcadm administers a vcstore server (vcd).\n\n", out);
	for (size_t i = 0; i < verbs_count; i++) {
		if (verbs[i].flags & VERB_REST_ONLY || !same_noun(verbs[i].noun, n_words, words))
			continue;
		(void)fputs("  ", out);
		print_usage(out, &verbs[i]);
		(void)fprintf(out, "      %s\n", verbs[i].help);
		n++;
	}
	if (n == 0) {
		(void)fprintf(stderr, "vcadm: there is no help for \"%s\"; see: vcadm help\n", words[0]);
		return -ENOENT;
	}
	(void)fputs("  vcadm completion bash|zsh\n      print the shell's completion: source <(vcadm completion "
	            "bash)\n  vcadm help [NOUN "
	            "[VERB]]\n",
	            out);
	(void)fprintf(out, "\n%s", common);
	return 0;
}

/* ---- completion -------------------------------------------------------------------------------------------------- */

/* One case arm: "lun clone start") words="--rate --delete-snapshot" */
static void print_flags(FILE *out, const struct verb *verb)
{
	(void)fprintf(out, "\t\"%s%s%s\"*) flags=\"", verb->noun, verb->verb == NULL ? "" : " ",
	              verb->verb == NULL ? "" : verb->verb);
	for (size_t i = 0; i < verb_n_params(verb); i++) {
		const struct verb_param *param = &verb->params[i];
		if (is_shown(param) && !(param->flags & VERB_POSITIONAL))
			(void)fprintf(out, "--%s%s ", param->flags & VERB_NEGATED ? "no-" : "", param->name);
	}
	(void)fputs("\" ;;\n", out);
}

/* All words that may follow `so_far` ("" , "lun", "lun clone"). */
static void print_words(FILE *out, const char *so_far)
{
	char seen[2048] = " ";
	size_t len = strlen(so_far);

	for (size_t i = 0; i < verbs_count; i++) {
		char all[96], word[64];
		if (verbs[i].flags & VERB_REST_ONLY)
			continue;
		(void)snprintf(all, sizeof all, "%s%s%s", verbs[i].noun, verbs[i].verb == NULL ? "" : " ",
		               verbs[i].verb == NULL ? "" : verbs[i].verb);
		if (strncmp(all, so_far, len) != 0 || (len > 0 && all[len] != ' '))
			continue;
		const char *next = all + len + (len > 0);
		(void)snprintf(word, sizeof word, " %.*s ", (int)strcspn(next, " "), next);
		if (strstr(seen, word) != NULL || strlen(seen) + strlen(word) >= sizeof seen)
			continue;
		strncat(seen, word + 1, sizeof seen - strlen(seen) - 1);
	}
	(void)fprintf(out, "%s", seen + 1);
}

static void print_arms(FILE *out)
{
	(void)fputs("\tcase \"$so_far\" in\n\t\"\") words=\"", out);
	print_words(out, "");
	(void)fputs("help completion\" ;;\n", out);
	for (size_t i = 0; i < verbs_count; i++) {
		bool again = false;
		for (size_t j = 0; j < i; j++)
			again = again || strcmp(verbs[j].noun, verbs[i].noun) == 0;
		if (again || verbs[i].verb == NULL || verbs[i].flags & VERB_REST_ONLY)
			continue;
		(void)fprintf(out, "\t\"%s\") words=\"", verbs[i].noun);
		print_words(out, verbs[i].noun);
		(void)fputs("\" ;;\n", out);
	}
	(void)fputs("\tesac\n\tcase \"$so_far\" in\n", out);
	/* Longer nouns first: "lun clone start" must not be taken for a verb of "lun". */
	for (size_t i = verbs_count; i-- > 0;) {
		if (!(verbs[i].flags & VERB_REST_ONLY))
			print_flags(out, &verbs[i]);
	}
	(void)fputs("\tesac\n", out);
}

int help_completion(FILE *out, const char *shell)
{
	bool zsh = strcmp(shell, "zsh") == 0;

	if (!zsh && strcmp(shell, "bash") != 0)
		return -EINVAL;
	if (zsh)
		(void)fputs("#compdef vcadm\nautoload -U +X bashcompinit && bashcompinit\n", out);
	(void)fputs("_vcadm() {\n\tlocal cur=\"${COMP_WORDS[COMP_CWORD]}\" so_far=\"\" words=\"\" flags=\"\" i\n"
	            "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	            "\t\tcase \"${COMP_WORDS[i]}\" in -*|*/*) break ;; esac\n"
	            "\t\tso_far=\"${so_far:+$so_far }${COMP_WORDS[i]}\"\n\tdone\n",
	            out);
	print_arms(out);
	(void)fputs("\tif [[ $cur == -* ]]; then words=\"$flags --server --token-file -o --wait --no-wait --watch "
	            "--yes --help\"; fi\n"
	            "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _vcadm vcadm\n",
	            out);
	return 0;
}

/* ---- manual page ------------------------------------------------------------------------------------------------- */

static void print_roff(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
}

static void man_verb(FILE *out, const struct verb *verb)
{
	(void)fprintf(out, ".TP\n\\fBvcadm %s%s%s\\fR", verb->noun, verb->verb == NULL ? "" : " ",
	              verb->verb == NULL ? "" : verb->verb);
	for (size_t i = 0; i < verb_n_params(verb); i++) {
		const struct verb_param *param = &verb->params[i];
		bool must = (param->flags & VERB_REQUIRED) != 0;
		if (!is_shown(param))
			continue;
		(void)fputs(must ? " " : " [", out);
		if (!(param->flags & VERB_POSITIONAL))
			(void)fprintf(out, "\\fB\\-\\-%s", param->flags & VERB_NEGATED ? "no\\-" : "");
		if (!(param->flags & VERB_POSITIONAL))
			print_roff(out, param->name);
		(void)fprintf(out, "\\fR%s\\fI%s\\fR%s",
		              param->flags & VERB_POSITIONAL || param->value == NULL ? "" : " ",
		              param->value == NULL ? "" : param->value, must ? "" : "]");
	}
	(void)fputc('\n', out);
	print_roff(out, verb->help);
	(void)fputs(".\n", out);
	for (size_t i = 0; i < verb_n_params(verb); i++) {
		const struct verb_param *param = &verb->params[i];
		if (!is_shown(param) || param->flags & VERB_POSITIONAL)
			continue;
		(void)fputs(".br\n\\fB\\-\\-", out);
		(void)fputs(param->flags & VERB_NEGATED ? "no\\-" : "", out);
		print_roff(out, param->name);
		(void)fputs("\\fR: ", out);
		print_roff(out, param->help);
		(void)fputs(".\n", out);
	}
}

void help_man(FILE *out)
{
	for (size_t i = 0; i < verbs_count; i++) {
		if (!(verbs[i].flags & VERB_REST_ONLY))
			man_verb(out, &verbs[i]);
	}
}
