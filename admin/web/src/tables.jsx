// SPDX-License-Identifier: Apache-2.0
// The tables of the page.
import { act, ask, lunPath, say, state } from "./api.js";
import { dialog } from "./form.jsx";
import { ago, left, size } from "./format.js";
import { scheduleText } from "./policy.jsx";
import { State, Table } from "./table.jsx";

const open = (what) => () => { dialog.value = what; };
const scheduleOf = (volume) => state.value.schedules.find((s) => s.volume === volume);

// The settings as they are now, then the dialog.
async function openAutodelete(volume) {
	try {
		const now = await ask("GET", `storage/volumes/${encodeURIComponent(volume)}/snapshot-autodelete`);
		dialog.value = { kind: "autodelete", volume, now };
	} catch (error) {
		say(error.message, true);
	}
}

const figure = (bytes) => (bytes === null ? <span title="being counted">…</span> : size(bytes));

export function Volumes() {
	return (
		<Table id="volumes" title="Volumes" rows={state.value.volumes} empty="No volume yet: vcadm volume create" columns={[
			{ head: "Name", cell: (v) => v.name },
			{ head: "State", cell: (v) => <State is={v.state} /> },
			{ head: "RAID", cell: (v) => v.raid && <State is={v.raid} /> },
			{ head: "Size", num: true, cell: (v) => size(v.space?.size) },
			{ head: "Used", num: true, cell: (v) => size(v.space?.used) },
			{ head: "Free", num: true, cell: (v) => size(v.space?.available) },
			{ head: "In snapshots", num: true, cell: (v) => size(v.space?.snapshot) },
			{ head: "Schedule", cell: (v) => scheduleText(scheduleOf(v.name)) || "–" },
			{ head: "", class: "do", cell: (v) => v.state === "online" && <>
				<button aria-label={`Snapshot of ${v.name}`} onClick={open({ kind: "snapshot", volume: v.name })}>Snapshot</button>
				<button aria-label={`Snapshot schedule of ${v.name}`} onClick={open({ kind: "schedule", volume: v.name, schedule: scheduleOf(v.name) })}>Schedule</button>
				<button aria-label={`Snapshot autodelete of ${v.name}`} onClick={() => openAutodelete(v.name)}>Autodelete</button>
			</> },
		]} />
	);
}

export function Snapshots() {
	return (
		<Table id="snapshots" title="Snapshots" rows={state.value.snapshots} empty="No snapshots"
			buttons={<button onClick={open({ kind: "snapshot" })}>New snapshot</button>}
			columns={[
				{ head: "Name", cell: (s) => s.name },
				{ head: "Volume", cell: (s) => s.volume },
				{ head: "Created", cell: (s) => <time dateTime={s.create_time} title={s.create_time}>{ago(s.create_time)}</time> },
				{ head: "Used", num: true, cell: (s) => figure(s.used) },
				{ head: "Since previous", num: true, cell: (s) => figure(s.since_previous) },
				{ head: "Made by", cell: (s) => s.origin },
				{ head: "LUNs on it", num: true, cell: (s) => s.dependants },
				{ head: "State", cell: (s) => <State is={s.state} /> },
				{ head: "", class: "do", cell: (s) => s.state === "valid" && <>
					<button aria-label={`LUN backed by ${s.name}`} onClick={open({ kind: "backed", volume: s.volume, snapshot: s.name })}>Backed LUN</button>
					<button aria-label={`Put ${s.volume} back to ${s.name}`} onClick={open({ kind: "restore", volume: s.volume, snapshot: s.name })}>Restore</button>
					<button aria-label={`Put one file or LUN of ${s.volume} back to ${s.name}`} onClick={open({ kind: "restoreFile", volume: s.volume, snapshot: s.name })}>Restore file</button>
					<button aria-label={`Rename ${s.name}`} onClick={open({ kind: "rename", volume: s.volume, snapshot: s.name })}>Rename</button>
					<button class="danger" aria-label={`Delete ${s.name}`} onClick={open({
						kind: "sure", title: `Delete snapshot ${s.name}`, action: "Delete", method: "DELETE",
						text: `Its content is lost${s.used === null ? "" : `; ${size(s.used)} come back in the background`}.`,
						path: `storage/volumes/${encodeURIComponent(s.volume)}/snapshots/${encodeURIComponent(s.name)}`,
					})}>Delete</button>
				</> },
			]} />
	);
}

const canStart = (lun) => lun.backing && !["running", "paused"].includes(lun.clone?.state);

export function Luns() {
	return (
		<Table id="luns" title="LUNs" rows={state.value.luns} empty="No LUNs"
			buttons={<button class="main" onClick={open({ kind: "lun" })}>New LUN</button>}
			columns={[
				{ head: "Path", cell: (l) => l.path },
				{ head: "Size", num: true, cell: (l) => size(l.size) },
				{ head: "Used", num: true, cell: (l) => size(l.used) },
				{ head: "State", cell: (l) => <State is={l.state} /> },
				{ head: "Backed by", cell: (l) => l.backing?.snapshot ?? "–" },
				{ head: "Maps", cell: (l) => l.maps?.map((m) => `${m.igroup.name}:${m.lun}${m.state === "mapped" ? "" : ` (${m.state})`}`).join(", ") || "–" },
				{ head: "", class: "do", cell: (l) => <>
					{canStart(l) && <button aria-label={`Start the clone of ${l.path}`} onClick={open({ kind: "clone", path: l.path, snapshot: l.backing.snapshot, bytes: l.size })}>Start clone</button>}
					<button aria-label={`Bring ${l.path} ${l.state === "online" ? "offline" : "online"}`} onClick={() => act(l.path, "PATCH", lunPath(l.path), { state: l.state === "online" ? "offline" : "online" })}>{l.state === "online" ? "Offline" : "Online"}</button>
					<button class="danger" aria-label={`Destroy ${l.path}`} onClick={open({ kind: "sure", title: `Destroy ${l.path}`, action: "Destroy", method: "DELETE", path: lunPath(l.path), text: "Its data is lost.", force: l.maps?.length > 0 && "Also while it is mapped: initiators lose it" })}>Destroy</button>
				</> },
			]} />
	);
}

export function Clones() {
	return (
		<Table id="clones" title="LUN clones" rows={state.value.clones} empty="No LUN is being cloned. A LUN backed by a snapshot can be cut loose from it while it is in use."
			columns={[
				{ head: "LUN", cell: (c) => c.path },
				{ head: "State", class: "wrap", cell: (c) => <><State is={c.state} />{c.error && <small> {c.error.message}</small>}</> },
				{ head: "Progress", cell: (c) => <><progress max={100} value={c.progress} aria-label={`Clone of ${c.path}`} />{c.progress} %{c.phase === "verifying" && " verifying"}</> },
				{ head: "Done", num: true, cell: (c) => <span title={`${c.blocks?.done} of ${c.blocks?.total} blocks; ${size(c.bytes?.copied)} copied`}>{`${size(c.bytes?.done)} of ${size(c.bytes?.total)}`}</span> },
				{ head: "A second", num: true, cell: (c) => <>{c.speed ? size(c.speed) : "–"}{c.rate > 0 && <small> (limit {size(c.rate)})</small>}</> },
				{ head: "Time left", num: true, cell: (c) => (c.eta_seconds === undefined ? "–" : left(c.eta_seconds)) },
				{ head: "Priority", cell: (c) => c.priority ?? "–" },
				{ head: "At the end", class: "wrap", cell: (c) => [c.verify && "verify", c.delete_snapshot && "delete the snapshot"].filter(Boolean).join(", ") || "–" },
				{ head: "", class: "do", cell: (c) => <>
					{c.snapshot && ["running", "paused", "stopped"].includes(c.state) && <button aria-label={`Change the clone of ${c.path}`} onClick={open({ kind: "cloneModify", path: c.path, rate: c.rate, priority: c.priority, verify: c.verify, deletes: c.delete_snapshot })}>Change</button>}
					{["running", "paused"].includes(c.state)
						? <button aria-label={`Stop the clone of ${c.path}`} onClick={() => act(`Stop the clone of ${c.path}`, "DELETE", `${lunPath(c.path)}/clone`)}>Stop</button>
						: c.snapshot && <button aria-label={`Start the clone of ${c.path}`} onClick={() => act(`Start the clone of ${c.path}`, "POST", `${lunPath(c.path)}/clone`, { rate: c.rate, priority: c.priority, verify: c.verify, delete_snapshot: c.delete_snapshot })}>Start</button>}
				</> },
			]} />
	);
}

export function Jobs() {
	return (
		<Table id="jobs" title="Jobs" rows={state.value.jobs} empty="No jobs"
			columns={[
				{ head: "Job", cell: (j) => j.description },
				{ head: "State", cell: (j) => <State is={j.state} /> },
				{ head: "Progress", cell: (j) => <><progress max={100} value={j.progress} aria-label={j.description} />{j.progress} %</> },
				{ head: "Started", cell: (j) => <time dateTime={j.start_time} title={j.start_time}>{ago(j.start_time)}</time> },
				{ head: "Says", class: "wrap", cell: (j) => j.error?.message ?? "" },
			]} />
	);
}
