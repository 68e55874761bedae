/* SPDX-License-Identifier: Apache-2.0 */
/* vcadm's side of HTTP. */
#include "admin/cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define ANSWER_MAX (256U << 20)

struct client {
	CURL *curl;
	char *base; /* "http://localhost" */
	const char *shown, *token;
	bool is_unix;
	char error[CURL_ERROR_SIZE];
};

struct answer {
	char *bytes;
	size_t len;
};

int client_new(const char *server, const char *token, struct client **ret_client)
{
	bool is_unix = strncmp(server, "unix:", 5) == 0;

	if (!is_unix && strncmp(server, "http://", 7) != 0 && strncmp(server, "https://", 8) != 0) {
		(void)fprintf(stderr, "vcadm: --server: \"%s\" is neither unix:/PATH nor http://HOST:PORT\n", server);
		return -EINVAL;
	}
	struct client *client = calloc(1, sizeof *client);
	if (client == NULL || (client->curl = curl_easy_init()) == NULL) {
		free(client);
		return -ENOMEM;
	}
	client->shown = server;
	client->token = is_unix ? NULL : token;
	client->is_unix = is_unix;
	client->base = strdup(is_unix ? "http://localhost" : server);
	if (client->base == NULL) {
		client_free(client);
		return -ENOMEM;
	}
	size_t len = strlen(client->base);
	if (len > 0 && client->base[len - 1] == '/')
		client->base[len - 1] = '\0';
	if (is_unix)
		(void)curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, server + 5);
	(void)curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->error);
	(void)curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, 10L);
	(void)curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	*ret_client = client;
	return 0;
}

bool client_wants_token(const struct client *client)
{
	return !client->is_unix;
}

void client_free(struct client *client)
{
	curl_easy_cleanup(client->curl);
	free(client->base);
	free(client);
}

static size_t answer_take(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *answer = arg;
	size_t len = size * n;

	if (len > ANSWER_MAX - answer->len)
		return 0;
	char *longer = realloc(answer->bytes, answer->len + len + 1);
	if (longer == NULL)
		return 0;
	memcpy(longer + answer->len, bytes, len);
	answer->bytes = longer;
	answer->len += len;
	return len;
}

/* `begin` is the name and what comes before the value. */
static struct curl_slist *header_add(struct curl_slist *headers, const char *begin, const char *value)
{
	char *line = must_format("%s%s", begin, value);

	headers = curl_slist_append(headers, line);
	free(line);
	return headers;
}

int client_ask(struct client *client, const char *method, const char *path, json_t *body, long *ret_status,
               json_t **ret_json)
{
	struct answer answer = { 0 };
	bool denied = false;
	struct curl_slist *headers = header_add(NULL, "Accept: ", "application/json");
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	char *url = must_format("%s%s", client->base, path);

	if (text != NULL)
		headers = header_add(headers, "Content-Type: ", "application/json");
	if (client->token != NULL)
		headers = header_add(headers, "Authorization: Bearer ", client->token);
	(void)curl_easy_setopt(client->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
	if (text != NULL) {
		(void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
		(void)curl_easy_setopt(client->curl, CURLOPT_COPYPOSTFIELDS, text);
	}
	(void)curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, answer_take);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &answer);
	CURLcode code = curl_easy_perform(client->curl);
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
		*ret_json = answer.len == 0 ? NULL : json_loadb(answer.bytes, answer.len, 0, NULL);
	} else {
		/* curl would name the host and port it did not use. */
		bool is_socket = client->is_unix && code == CURLE_COULDNT_CONNECT;
		long system_error = 0;

		(void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &system_error);
		denied = is_socket && (system_error == EACCES || system_error == EPERM);
		if (denied)
			(void)fprintf(stderr, "vcadm: you may not use %s; root, vcd's user and its group may\n",
			              client->shown);
		else
			(void)fprintf(stderr,
			              "vcadm: no answer from %s: %s\nvcadm: is vcd running? --server or VCADM_SERVER "
			              "says where\n",
			              client->shown,
			              is_socket                  ? "nobody listens on the socket"
			              : client->error[0] != '\0' ? client->error
			                                         : curl_easy_strerror(code));
	}
	curl_slist_free_all(headers);
	free(answer.bytes);
	free(text);
	free(url);
	return code == CURLE_OK ? 0 : denied ? -EACCES : -ECONNREFUSED;
}
