/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: tokens, sessions and their ends, wrong tokens, the token's file; on a virtual clock. */
#include "tests/base/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/http/signin.h"
#include "admin/tokenfile.h"
#include "base/list.h"
#include "base/log.h"
#include "tests/support/simworld.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h> /* after base/list.h, whose TAILQ it uses */

#define SECOND 1000000000ULL
#define TOKEN "0123456789abcdef0123456789abcdef"
#define PEER "127.0.0.1:50000"

static struct simworld *sim;
static struct signin *signin;
static unsigned n_lines;

static void sink(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	(void)component;
	assert_null(strstr(text, "wrong-token"));
	if (strcmp(event, "signin_refused") != 0)
		return;
	assert_true(level == LOG_LEVEL_WARN && peer);
	n_lines++;
}

static int setup(void **state)
{
	(void)state;
	sim = simworld_new(1);
	n_lines = 0;
	log_set_sink(sink);
	int err = signin_new(simworld_world(sim), TOKEN, &signin);
	signin_set_port(signin, 8080);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	signin_free(signin);
	simworld_free(sim);
	log_set_sink(NULL);
	return 0;
}

static int ask(const char *name, const char *value, struct caller *caller)
{
	struct evkeyvalq headers;
	struct caller unused;

	TAILQ_INIT(&headers);
	assert_int_equal(evhttp_add_header(&headers, name, value), 0);
	int err = signin_by_headers(signin, &headers, PEER, caller == NULL ? &unused : caller);
	evhttp_clear_headers(&headers);
	return err;
}

/* The "name=value" part of a new session's cookie. */
static void sign_in(char cookie[SIGNIN_COOKIE_MAX])
{
	assert_int_equal(signin_start(signin, TOKEN, PEER, cookie), 0);
	assert_non_null(strstr(cookie, "; Path=/; HttpOnly; SameSite=Strict"));
	*strchr(cookie, ';') = '\0';
}

static void the_token_says_who_asks_and_nothing_else_does(void **state)
{
	static const char *const wrong[] = { "Bearer ", "Bearer 0123456789abcdef0123456789abcdee", "Bearer " TOKEN "0",
		                             "Bearer 0123456789abcdef" };
	static const char *const none[] = { "", "Bearer", TOKEN, "Basic " TOKEN, "Token " TOKEN };
	struct caller caller;

	(void)state;
	assert_int_equal(ask("Authorization", "Bearer " TOKEN, &caller), 0);
	assert_int_equal(caller.by, CALLER_TOKEN);
	assert_int_equal(ask("Authorization", "bearer  " TOKEN, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(ask("Authorization", wrong[i], &caller), -EACCES);
		assert_int_equal(caller.by, CALLER_UNKNOWN);
	}
	unsigned n = n_lines;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(ask("Authorization", none[i], NULL), -EACCES);
	assert_int_equal(ask("Cookie", "vc_session_8080=" TOKEN, NULL), -EACCES);
	assert_int_equal(n_lines, n); /* no token, no wrong one */
}

static void without_a_token_nobody_signs_in(void **state)
{
	char cookie[SIGNIN_COOKIE_MAX];
	struct signin *closed;
	struct evkeyvalq headers;
	struct caller caller;

	(void)state;
	assert_int_equal(signin_new(simworld_world(sim), NULL, &closed), 0);
	assert_int_equal(signin_start(closed, "", PEER, cookie), -EACCES);
	TAILQ_INIT(&headers);
	assert_int_equal(evhttp_add_header(&headers, "Authorization", "Bearer "), 0);
	assert_int_equal(signin_by_headers(closed, &headers, PEER, &caller), -EACCES);
	evhttp_clear_headers(&headers);
	signin_free(closed);
}

static void a_session_is_known_by_its_cookie_until_it_ends(void **state)
{
	char one[SIGNIN_COOKIE_MAX], two[SIGNIN_COOKIE_MAX], other[3 * SIGNIN_COOKIE_MAX];
	struct caller caller, second;

	(void)state;
	sign_in(one);
	sign_in(two);
	assert_string_not_equal(one, two);
	assert_int_equal(ask("Cookie", one, &caller), 0);
	assert_int_equal(caller.by, CALLER_SESSION);
	(void)snprintf(other, sizeof other, "theme=dark; vc_session_8081=%s; %s; x=y", two + strlen("vc_session_8080="),
	               two);
	assert_int_equal(ask("Cookie", other, &second), 0);
	assert_int_not_equal(caller.session, second.session);
	/* Another server's cookie, one byte wrong, a part. */
	(void)snprintf(other, sizeof other, "vc_session_8081=%s", two + strlen("vc_session_8080="));
	assert_int_equal(ask("Cookie", other, NULL), -EACCES);
	(void)snprintf(other, sizeof other, "%s", two);
	other[strlen(other) - 1] = other[strlen(other) - 1] == '0' ? '1' : '0';
	assert_int_equal(ask("Cookie", other, NULL), -EACCES);
	other[strlen(other) - 1] = '\0';
	assert_int_equal(ask("Cookie", other, NULL), -EACCES);

	assert_true(signin_left_s(signin, caller.session) > 0);
	signin_end(signin, caller.session, other);
	assert_non_null(strstr(other, "vc_session_8080=;"));
	assert_non_null(strstr(other, "Max-Age=0"));
	assert_int_equal(signin_left_s(signin, caller.session), 0);
	assert_int_equal(ask("Cookie", one, NULL), -EACCES);
	assert_int_equal(ask("Cookie", two, NULL), 0);
	signin_end(signin, 0, other); /* of a free place: nobody's */
	assert_int_equal(ask("Cookie", two, NULL), 0);
}

static void a_session_ends_when_it_rests_and_when_it_is_old(void **state)
{
	char resting[SIGNIN_COOKIE_MAX], busy[SIGNIN_COOKIE_MAX];

	(void)state;
	sign_in(resting);
	sign_in(busy);
	for (unsigned s = 600; s < SIGNIN_LONGEST_S; s += 600) {
		sim_run_for(sim, 600 * SECOND);
		assert_int_equal(ask("Cookie", busy, NULL), 0);
	}
	assert_int_equal(ask("Cookie", resting, NULL), -EACCES);
	sim_run_for(sim, 600 * SECOND);
	assert_int_equal(ask("Cookie", busy, NULL), -EACCES);

	sign_in(resting);
	sim_run_for(sim, (SIGNIN_IDLE_S - 1) * SECOND);
	assert_int_equal(ask("Cookie", resting, NULL), 0);
	sim_run_for(sim, SIGNIN_IDLE_S * SECOND);
	assert_int_equal(ask("Cookie", resting, NULL), -EACCES);
}

static void the_session_that_rests_longest_makes_place_for_a_new_one(void **state)
{
	char cookies[SIGNIN_SESSIONS_MAX + 1][SIGNIN_COOKIE_MAX];

	(void)state;
	for (unsigned i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		sign_in(cookies[i]);
		sim_run_for(sim, SECOND);
	}
	assert_int_equal(ask("Cookie", cookies[0], NULL), 0);
	sign_in(cookies[SIGNIN_SESSIONS_MAX]);
	for (unsigned i = 0; i <= SIGNIN_SESSIONS_MAX; i++)
		assert_int_equal(ask("Cookie", cookies[i], NULL), i == 1 ? -EACCES : 0);
}

static void wrong_tokens_are_slowed_down_and_a_right_one_is_not(void **state)
{
	char cookie[SIGNIN_COOKIE_MAX];
	unsigned n_answered = 0, n_slowed = 0;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		int err = i % 2 == 0 ? ask("Authorization", "Bearer wrong-token", NULL)
		                     : signin_start(signin, "wrong-token", PEER, cookie);
		n_answered += err == -EACCES;
		n_slowed += err == -EAGAIN;
		sim_run_for(sim, SECOND / 50);
	}
	assert_int_equal(n_answered + n_slowed, 500);
	assert_in_range(n_answered, 19, 20); /* 10 at once and one a second for ten seconds */
	assert_int_equal(ask("Authorization", "Bearer " TOKEN, NULL), 0);
	sign_in(cookie);
	sim_run_for(sim, 60 * SECOND);
	assert_int_equal(ask("Authorization", "Bearer wrong-token", NULL), -EACCES);
	assert_in_range(n_lines, 1, 45); /* not one for each */
}

static void the_socket_lets_our_own_user_in(void **state)
{
	struct caller caller;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(signin_by_socket(ends[0], &caller), 0);
	assert_int_equal(caller.by, CALLER_SOCKET);
	assert_int_equal(signin_by_socket(-1, &caller), -EACCES);
	assert_int_equal(caller.by, CALLER_UNKNOWN);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* ---- the token's file -------------------------------------------------------------------------------------------- */

static char dir[] = "/tmp/vctoken.XXXXXX";

static int load(const char *path, char token[TOKEN_MAX + 1])
{
	char text[256] = "";
	int err = tokenfile_load(path, simworld_world(sim), token, text);

	assert_true((err == 0) == (text[0] == '\0'));
	return err;
}

static void put(const char *path, const char *text)
{
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void a_token_is_made_once_for_its_owner_alone(void **state)
{
	char path[64], left[80], first[TOKEN_MAX + 1], second[TOKEN_MAX + 1];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/admin.token", dir);
	(void)snprintf(left, sizeof left, "%s.new", path);
	put(left, "of a crash, and open to all");
	assert_int_equal(chmod(left, 0666), 0);
	assert_int_equal(load(path, first), 0);
	assert_int_equal(strlen(first), 64);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(access(left, F_OK), 0);
	assert_int_equal(load(path, second), 0);
	assert_string_equal(first, second);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(path, second), 0);
	assert_string_not_equal(first, second);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_token_file_must_be_closed_and_hold_one_token(void **state)
{
	static const char *const good[] = { TOKEN, TOKEN "\n", TOKEN "\r\n", "abcdefghijklmnopqrstuvwxyz-._~+/A==" };
	static const char *const bad[] = { "",
		                           "\n",
		                           "short",
		                           "0123456789abcdef 0123456789abcdef",
		                           TOKEN "\n" TOKEN,
		                           TOKEN " ",
		                           "=" TOKEN,
		                           "\"" TOKEN "\"",
		                           TOKEN "\xc3\xa4" };
	char path[64], token[TOKEN_MAX + 1], longer[TOKEN_MAX + 3];

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/vctoken.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/admin.token", dir);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		put(path, good[i]);
		assert_int_equal(load(path, token), 0);
		assert_int_equal(strlen(token), strcspn(good[i], "\r\n"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put(path, bad[i]);
		assert_int_equal(load(path, token), -EINVAL);
	}
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	put(path, longer);
	assert_int_equal(load(path, token), -EINVAL);
	longer[TOKEN_MAX] = '\0';
	put(path, longer);
	assert_int_equal(load(path, token), 0);
	assert_int_equal(strlen(token), TOKEN_MAX);
	put(path, TOKEN);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(load(path, token), 0);
	static const mode_t open_to_others[] = { 0644, 0604, 0620, 0602 };
	for (size_t i = 0; i < ARRAY_SIZE(open_to_others); i++) {
		assert_int_equal(chmod(path, open_to_others[i]), 0);
		assert_int_equal(load(path, token), -EACCES);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(load(path, token), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(path, token), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_token_says_who_asks_and_nothing_else_does),
		TEST(without_a_token_nobody_signs_in),
		TEST(a_session_is_known_by_its_cookie_until_it_ends),
		TEST(a_session_ends_when_it_rests_and_when_it_is_old),
		TEST(the_session_that_rests_longest_makes_place_for_a_new_one),
		TEST(wrong_tokens_are_slowed_down_and_a_right_one_is_not),
		TEST(the_socket_lets_our_own_user_in),
		TEST(a_token_is_made_once_for_its_owner_alone),
		TEST(a_token_file_must_be_closed_and_hold_one_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
