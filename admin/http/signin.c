/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks? Peers of the unix socket, tokens, sessions. */
#include "admin/http/signin.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h> /* after base/list.h, whose TAILQ it uses */

#define SECRET_BYTES 32U
#define SECOND_NS 1000000000ULL
#define WRONG_MAX 10U /* answered at once; then one a second */
#define GROUPS_MAX 4096U

struct hash {
	uint8_t b[SHA256_DIGEST_LENGTH];
};

struct session {
	uint64_t number; /* 0: the place is free */
	uint64_t begun_ns, used_ns;
	struct hash cookie;
};

struct signin {
	struct world *world;
	bool has_token;
	struct hash token;
	char cookie_name[32];
	struct session sessions[SIGNIN_SESSIONS_MAX];
	uint64_t last_number;
	uint64_t wrong_until_ns; /* WRONG_MAX seconds ahead of now: no more are answered */
};

static struct hash hash_of(const char *text)
{
	struct hash hash;
	(void)SHA256((const unsigned char *)text, strlen(text), hash.b);
	return hash;
}

static bool hash_equal(const struct hash *a, const struct hash *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* ---- wrong tokens ------------------------------------------------------------------------------------------------ */

static int wrong_token(struct signin *signin, const char *peer)
{
	uint64_t now = world_now_ns(signin->world);

	log_peer_warn("admin", "signin_refused", "peer=%s", peer);
	signin->wrong_until_ns = MAX_OF(signin->wrong_until_ns, now);
	if (signin->wrong_until_ns + SECOND_NS > now + WRONG_MAX * SECOND_NS)
		return -EAGAIN;
	signin->wrong_until_ns += SECOND_NS;
	return -EACCES;
}

static int check_token(struct signin *signin, const char *token, const char *peer)
{
	struct hash said = hash_of(token);

	return signin->has_token && hash_equal(&said, &signin->token) ? 0 : wrong_token(signin, peer);
}

/* ---- sessions ---------------------------------------------------------------------------------------------------- */

static unsigned session_left_s(const struct signin *signin, const struct session *session)
{
	uint64_t now = world_now_ns(signin->world);
	uint64_t idle_end = session->used_ns + SIGNIN_IDLE_S * SECOND_NS,
	         end = session->begun_ns + SIGNIN_LONGEST_S * SECOND_NS;

	return session->number == 0 || now >= MIN_OF(idle_end, end) ? 0 : (unsigned)((end - now) / SECOND_NS) + 1U;
}

static const struct session *session_find(const struct signin *signin, uint64_t number)
{
	for (unsigned i = 0; number != 0 && i < SIGNIN_SESSIONS_MAX; i++) {
		if (signin->sessions[i].number == number)
			return &signin->sessions[i];
	}
	return NULL;
}

/* A place that is free or over, else that of the session not used for longest. */
static struct session *session_place(struct signin *signin)
{
	struct session *oldest = &signin->sessions[0];

	for (unsigned i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		struct session *session = &signin->sessions[i];
		if (session_left_s(signin, session) == 0)
			return session;
		if (session->used_ns < oldest->used_ns)
			oldest = session;
	}
	return oldest;
}

int signin_start(struct signin *signin, const char *token, const char *peer, char ret_cookie[SIGNIN_COOKIE_MAX])
{
	uint8_t random[SECRET_BYTES];
	char secret[2 * SECRET_BYTES + 1];
	int err = check_token(signin, token, peer);

	if (err != 0)
		return err;
	world_random(signin->world, random, sizeof random);
	for (unsigned i = 0; i < SECRET_BYTES; i++)
		(void)snprintf(secret + i * 2U, 3, "%02x", random[i]);
	uint64_t now = world_now_ns(signin->world);
	*session_place(signin) = (struct session){
		.number = ++signin->last_number, .begun_ns = now, .used_ns = now, .cookie = hash_of(secret)
	};
	(void)snprintf(ret_cookie, SIGNIN_COOKIE_MAX, "%s=%s; Path=/; HttpOnly; SameSite=Strict", signin->cookie_name,
	               secret);
	log_peer_info("admin", "signed_in", "peer=%s session=%llu", peer, (unsigned long long)signin->last_number);
	return 0;
}

unsigned signin_left_s(const struct signin *signin, uint64_t number)
{
	const struct session *session = session_find(signin, number);
	return session == NULL ? 0 : session_left_s(signin, session);
}

void signin_end(struct signin *signin, uint64_t number, char ret_cookie[SIGNIN_COOKIE_MAX])
{
	for (unsigned i = 0; number != 0 && i < SIGNIN_SESSIONS_MAX; i++) {
		if (signin->sessions[i].number == number)
			signin->sessions[i] = (struct session){ 0 };
	}
	(void)snprintf(ret_cookie, SIGNIN_COOKIE_MAX, "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
	               signin->cookie_name);
	log_peer_info("admin", "signed_out", "session=%llu", (unsigned long long)number);
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* The value of our cookie in a Cookie header, NUL-terminated; false: it is not there, or no cookie we made. */
static bool find_cookie(const struct signin *signin, const char *header, char secret[2 * SECRET_BYTES + 1])
{
	size_t name_len = strlen(signin->cookie_name);

	while (*header != '\0') {
		header += strspn(header, "; ");
		size_t len = strcspn(header, ";");
		if (len == name_len + 1 + 2 * SECRET_BYTES && strncmp(header, signin->cookie_name, name_len) == 0 &&
		    header[name_len] == '=') {
			memcpy(secret, header + name_len + 1, 2 * SECRET_BYTES);
			secret[2 * SECRET_BYTES] = '\0';
			return true;
		}
		header += len;
	}
	return false;
}

static int by_cookie(struct signin *signin, const char *secret, struct caller *ret_caller)
{
	struct hash said = hash_of(secret);

	for (unsigned i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		struct session *session = &signin->sessions[i];
		if (session_left_s(signin, session) == 0 || !hash_equal(&said, &session->cookie))
			continue;
		session->used_ns = world_now_ns(signin->world);
		*ret_caller = (struct caller){ .by = CALLER_SESSION, .session = session->number };
		return 0;
	}
	return -EACCES;
}

int signin_by_headers(struct signin *signin, const struct evkeyvalq *headers, const char *peer,
                      struct caller *ret_caller)
{
	static const char scheme[] = "Bearer ";
	const char *authorization = evhttp_find_header(headers, "Authorization"),
	           *cookie = evhttp_find_header(headers, "Cookie");
	char secret[2 * SECRET_BYTES + 1];

	*ret_caller = (struct caller){ .by = CALLER_UNKNOWN };
	if (authorization != NULL && strncasecmp(authorization, scheme, sizeof scheme - 1) == 0) {
		const char *token = authorization + sizeof scheme - 1;
		int err = check_token(signin, token + strspn(token, " "), peer);
		if (err == 0)
			ret_caller->by = CALLER_TOKEN;
		return err;
	}
	return cookie != NULL && find_cookie(signin, cookie, secret) ? by_cookie(signin, secret, ret_caller) : -EACCES;
}

/* ---- the unix socket --------------------------------------------------------------------------------------------- */

/* Is our group one of the peer's others? */
static bool has_our_group(int fd)
{
	static gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (unsigned i = 0; i < len / sizeof groups[0]; i++) {
		if (groups[i] == getegid())
			return true;
	}
	return false;
}

int signin_by_socket(int fd, struct caller *ret_caller)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	*ret_caller = (struct caller){ .by = CALLER_UNKNOWN };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -EACCES;
	bool by_group = getegid() != 0 && (peer.gid == getegid() || has_our_group(fd));
	if (peer.uid != 0 && peer.uid != geteuid() && !by_group)
		return -EACCES;
	ret_caller->by = CALLER_SOCKET;
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

int signin_new(struct world *world, const char *token, struct signin **ret_signin)
{
	struct signin *signin = calloc(1, sizeof *signin);

	if (signin == NULL)
		return -ENOMEM;
	signin->world = world;
	signin->has_token = token != NULL;
	if (token != NULL)
		signin->token = hash_of(token);
	signin_set_port(signin, 0);
	*ret_signin = signin;
	return 0;
}

void signin_free(struct signin *signin)
{
	OPENSSL_cleanse(signin, sizeof *signin);
	free(signin);
}

void signin_set_port(struct signin *signin, uint16_t port)
{
	(void)snprintf(signin->cookie_name, sizeof signin->cookie_name, "vc_session_%u", (unsigned)port);
}

const char *signin_cookie_name(const struct signin *signin)
{
	return signin->cookie_name;
}
