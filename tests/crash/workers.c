/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes that share out numbered jobs. */
#include "tests/crash/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/list.h"

#define WORKERS_MAX 64U

struct worker {
	pid_t pid;
	uint64_t number; /* of its job */
	struct history_counts counts;
};

/* What all processes see. */
static struct {
	struct worker workers[WORKERS_MAX];
	_Atomic uint64_t next; /* the job that nobody has taken yet */
} * shared;

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static bool is_over(const struct workers_plan *plan, uint64_t number, uint64_t began_s)
{
	return (plan->n_jobs != 0 && number >= plan->first + plan->n_jobs) ||
	       (plan->seconds != 0 && now_s() - began_s >= plan->seconds);
}

static void work(const struct workers_plan *plan, struct worker *worker, uint64_t began_s)
{
	const struct itimerval limit = { .it_value = { .tv_sec = JOB_CPU_S } };

	for (; !is_over(plan, worker->number, began_s); worker->number = shared->next++) {
		(void)setitimer(ITIMER_VIRTUAL, &limit, NULL); /* SIGVTALRM ends a job that goes round in circles */
		plan->job(worker->number, &worker->counts);
	}
	_exit(0);
}

static void start(const struct workers_plan *plan, struct worker *worker, uint64_t began_s)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	vc_assert(pid >= 0);
	if (pid == 0)
		work(plan, worker, began_s);
	worker->pid = pid;
}

static void count_failure(const struct workers_plan *plan, struct workers_result *result, const struct worker *worker,
                          int status)
{
	char name[64];

	if (WIFEXITED(status) && WEXITSTATUS(status) >= FAIL_LOST && WEXITSTATUS(status) <= FAIL_STUCK) {
		uint64_t *const counts[] = { &result->n_lost, &result->n_wrong, &result->n_check, &result->n_stuck };

		(*counts[WEXITSTATUS(status) - FAIL_LOST])++;
		return;
	}
	result->n_crashed++;
	plan->name(worker->number, name, sizeof name);
	fprintf(stderr, "FAILED %s: the engine %s %d\n  replay: tests/crash/replay %s\n", name,
	        WIFSIGNALED(status) ? "died of signal" : "ended with status",
	        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), name);
}

static void add(struct history_counts *to, const struct history_counts *from)
{
	to->states += from->states;
	to->seeds += from->seeds;
	to->duplicates += from->duplicates;
	to->ops += from->ops;
	to->crashes_in_recovery += from->crashes_in_recovery;
	for (unsigned row = 0; row < HISTORY_ROWS; row++)
		for (unsigned fault = 0; fault < HISTORY_FAULTS; fault++)
			to->met[row][fault] += from->met[row][fault];
}

static void workers_stop(void)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		if (shared->workers[i].pid > 0)
			(void)kill(shared->workers[i].pid, SIGKILL);
}

void workers_run(const struct workers_plan *plan, struct workers_result *ret_result)
{
	uint64_t began_s = now_s();
	unsigned n_failed = 0, n_running = MIN_OF(plan->n_workers, WORKERS_MAX);
	int status;
	pid_t pid;

	memset(ret_result, 0, sizeof *ret_result);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	vc_assert(shared != MAP_FAILED);
	shared->next = plan->first;
	for (unsigned i = 0; i < n_running; i++) {
		shared->workers[i].number = shared->next++;
		start(plan, &shared->workers[i], began_s);
	}
	while (n_running > 0 && ((pid = wait(&status)) > 0 || errno == EINTR)) {
		struct worker *worker = shared->workers;

		while (worker < shared->workers + WORKERS_MAX && worker->pid != pid)
			worker++;
		if (pid <= 0 || worker == shared->workers + WORKERS_MAX)
			continue;
		n_running--;
		worker->pid = 0;
		if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || n_failed >= plan->n_failures)
			continue;
		count_failure(plan, ret_result, worker, status);
		worker->number = shared->next++;
		if (++n_failed < plan->n_failures && !is_over(plan, worker->number, began_s)) {
			start(plan, worker, began_s);
			n_running++;
		}
		if (n_failed == plan->n_failures)
			workers_stop();
	}
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		add(&ret_result->counts, &shared->workers[i].counts);
	munmap(shared, sizeof *shared);
}
