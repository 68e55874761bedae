// SPDX-License-Identifier: Apache-2.0
// The REST API as the page uses it: what is there, looked at again and again, and single requests.
import { signal } from "@preact/signals";

const nothing = { volumes: [], snapshots: [], luns: [], clones: [], jobs: [], igroups: [], exports: [], schedules: [], disks: [], scrubs: [], status: null };
export const state = signal(nothing);
export const signedIn = signal(null); // null: not known yet
export const offline = signal("");
export const toast = signal(null);

// Whoever looks next must not see what the last one was shown.
export function signedOut() {
	signedIn.value = false;
	state.value = nothing;
	answers.clear();
	toast.value = null;
}

// What was answered to a GET that had a tag: asked again, the server sends it only when it has changed.
const answers = new Map();

export async function ask(method, path, body) {
	const before = method === "GET" ? answers.get(path) : undefined;
	const response = await fetch(path.startsWith("/") ? path : `/api/v1/${path}`, {
		method,
		headers: body !== undefined ? { "Content-Type": "application/json" } : before ? { "If-None-Match": before.etag } : {},
		body: body === undefined ? undefined : JSON.stringify(body),
		cache: "no-store",
	});
	if (response.status === 304) return before.answer;
	const answer = await response.json().catch(() => ({}));
	if (response.status === 401) signedOut();
	if (!response.ok) throw new Error(answer.error?.message ?? `HTTP ${response.status}`);
	const etag = method === "GET" && response.headers.get("ETag");
	if (etag) answers.set(path, { etag, answer });
	return answer;
}

// All pages of a collection.
async function all(path) {
	const records = [];
	for (let next = path; next;) {
		const page = await ask("GET", next);
		records.push(...page.records);
		next = page.next;
	}
	return records;
}

export async function refresh() {
	try {
		const [status, volumes, luns, clones, jobs, igroups, exports, schedules, disks] = await Promise.all([
			ask("GET", "status"), all("storage/volumes"), all("storage/luns"), all("storage/clones"), all("jobs?max_records=20&order_by=start_time%20desc").catch(() => []),
			all("protocols/san/igroups"), all("protocols/nfs/exports"), all("storage/snapshot-schedules"), all("storage/disks"),
		]);
		const online = volumes.filter((v) => v.state === "online").map((v) => `storage/volumes/${encodeURIComponent(v.name)}`);
		const [lists, scrubs] = await Promise.all([Promise.all(online.map((path) => all(`${path}/snapshots`))), Promise.all(online.map((path) => ask("GET", `${path}/scrub`)))]);
		state.value = { status, volumes, luns, clones, jobs: jobs.slice(0, 20), igroups, exports, schedules, disks, scrubs, snapshots: lists.flat() };
		offline.value = "";
		signedIn.value = true;
	} catch (error) {
		if (signedIn.value !== false) offline.value = `No answer from the server (${error.message}); trying again.`;
	}
}

// Look every 2 s, every 0.7 s while something runs, and not while nobody looks at the page.
export function watch() {
	const again = async () => {
		if (!document.hidden && signedIn.value !== false) await refresh();
		const busy = state.value.clones.some((c) => c.state === "running") || state.value.jobs.some((j) => j.state === "running");
		setTimeout(again, busy ? 700 : 2000);
	};
	document.addEventListener("visibilitychange", () => document.hidden || signedIn.value === false || refresh());
	again();
}

let toastTimer;
export function say(text, bad = false) {
	toast.value = { text, bad };
	clearTimeout(toastTimer);
	toastTimer = setTimeout(() => { toast.value = null; }, bad ? 12000 : 5000);
}

// Do something, say how it went, look again.
export async function act(what, method, path, body) {
	try {
		await ask(method, path, body);
		say(`${what}: done`);
	} catch (error) {
		say(`${what}: ${error.message}`, true);
	}
	await refresh();
}

export const lunPath = (path) => `storage/luns/${encodeURIComponent(path)}`;
