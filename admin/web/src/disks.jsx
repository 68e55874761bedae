// SPDX-License-Identifier: Apache-2.0
// Disks and hot spares with what mends them, and the scrubs of the volumes.
import { act, ask, state } from "./api.js";
import { dialog, Field, Form } from "./form.jsx";
import { ago, left, parseSize, size } from "./format.js";
import { State, Table } from "./table.jsx";

const open = (what) => () => { dialog.value = what; };
const disksPath = (volume, verb) => `storage/volumes/${encodeURIComponent(volume)}/disks/${verb}`;
const scrubPath = (volume) => `storage/volumes/${encodeURIComponent(volume)}/scrub`;
const placeOf = (disk) => `${disk.group}.${disk.position}`;
const isMember = (disk) => disk.group !== undefined;
const isLost = (disk) => isMember(disk) && !["online", "rebuilding"].includes(disk.state);

// The last part of its name; the whole name is what one sees when pointing at it.
const Name = ({ of }) => <span title={of}>{of.replace(/^file:/, "").split("/").pop()}</span>;

function Errors({ errors }) {
	if (!errors) return "–";
	const { repaired, io, ...kinds } = errors;
	const found = Object.entries(kinds).filter(([, n]) => n > 0);
	const text = found.map(([kind, n]) => `${n} ${kind}`).join(", ");
	return found.length === 0 ? "0" : <span class="warn" title={`${text}; ${repaired} repaired`}>{found.reduce((sum, [, n]) => sum + n, 0)}</span>;
}

function says(disk) {
	if (disk.state === "rebuilding") return `${disk.rebuilt_percent ?? 0} % rebuilt`;
	return disk.reason ?? "";
}

function MemberButtons({ disk }) {
	const what = { volume: disk.volume, place: placeOf(disk), name: disk.name };
	if (!isLost(disk)) {
		return disk.state === "online" && <button class="danger" aria-label={`Call ${disk.name} failed`} onClick={open({
			kind: "sure", title: `Call disk ${placeOf(disk)} of ${disk.volume} failed`, action: "Fail", method: "POST", path: disksPath(disk.volume, "fail"), body: { disk: placeOf(disk) },
			text: `${disk.name} is not used any more. A hot spare takes its place when there is one; otherwise it can be replaced.`,
		})}>Fail</button>;
	}
	return <>
		<button aria-label={`Take back ${disk.name}`} onClick={open({ kind: "diskOnline", ...what })}>Take back</button>
		<button aria-label={`Replace ${disk.name}`} onClick={open({ kind: "diskReplace", ...what })}>Replace</button>
	</>;
}

const removeSpare = (disk) => open({
	kind: "sure", title: "Remove the hot spare", action: "Remove", method: "DELETE", path: `storage/spares/${encodeURIComponent(disk.name)}`,
	text: `${disk.name} is kept ready no more. Its label goes, and so does a file that the server made.`,
});

export function Disks() {
	return (
		<Table id="disks" title="Disks" rows={state.value.disks} empty="No disks"
			buttons={<button onClick={open({ kind: "spareAdd" })}>New hot spare</button>}
			columns={[
				{ head: "Name", cell: (d) => <Name of={d.name} /> },
				{ head: "Volume", cell: (d) => d.volume ?? "all" },
				{ head: "Place", cell: (d) => (isMember(d) ? placeOf(d) : "–") },
				{ head: "Role", cell: (d) => d.role ?? "hot spare" },
				{ head: "State", cell: (d) => <State is={d.state} /> },
				{ head: "Size", num: true, cell: (d) => size(d.size) },
				{ head: "Errors", num: true, cell: (d) => <Errors errors={d.errors} /> },
				{ head: "Says", class: "wrap", cell: says },
				{ head: "", class: "do", cell: (d) => (isMember(d) ? <MemberButtons disk={d} /> : <button class="danger" aria-label={`Remove the hot spare ${d.name}`} onClick={removeSpare(d)}>Remove</button>) },
			]} />
	);
}

function found(scrub) {
	const kinds = { data: scrub.data_wrong, parity: scrub.parity_wrong, "checksum entries": scrub.entries_wrong, unreadable: scrub.unreadable };
	const wrong = Object.entries(kinds).filter(([, n]) => n > 0).map(([kind, n]) => `${n} ${kind}`);
	if (scrub.state === "none") return "–";
	return `${wrong.length > 0 ? `${wrong.join(", ")}; ${scrub.repaired} repaired` : "nothing wrong"}${scrub.lost > 0 ? `, ${scrub.lost} lost` : ""}`;
}

function Last({ scrub }) {
	if (scrub.state === "running") return scrub.eta_seconds === undefined ? "now" : `${left(scrub.eta_seconds)} left`;
	return scrub.end_time ? <time dateTime={scrub.end_time} title={scrub.end_time}>{ago(scrub.end_time)}</time> : "never";
}

export function Scrubs() {
	return (
		<Table id="scrubs" title="Scrubs" rows={state.value.scrubs} empty="No volume is online"
			columns={[
				{ head: "Volume", cell: (s) => s.volume },
				{ head: "State", cell: (s) => <State is={s.state} /> },
				{ head: "Progress", cell: (s) => <><progress max={100} value={s.progress} aria-label={`Scrub of ${s.volume}`} />{s.progress} %</> },
				{ head: "Read", num: true, cell: (s) => size(s.read) },
				{ head: "Last", cell: (s) => <Last scrub={s} /> },
				{ head: "Found", class: "wrap", cell: (s) => <span class={s.lost > 0 ? "bad" : s.repaired > 0 ? "warn" : ""}>{found(s)}</span> },
				{ head: "", class: "do", cell: (s) => (s.state === "running"
					? <button aria-label={`Stop the scrub of ${s.volume}`} onClick={() => act(`Stop the scrub of ${s.volume}`, "DELETE", scrubPath(s.volume))}>Stop</button>
					: <button aria-label={`Scrub ${s.volume}`} onClick={() => act(`Scrub ${s.volume}`, "POST", scrubPath(s.volume))}>Start</button>) },
			]} />
	);
}

// ---- dialogs ----

const Force = () => <label class="line"><input type="checkbox" name="force" />Also a disk that holds something: it is lost</label>;
const sent = (values) => (values.force === "on" ? { force: true } : {});

function ReplaceDialog({ volume, place, name }) {
	return (
		<Form title={`Replace disk ${place} of ${volume}`} action="Replace" send={(v) => ask("POST", disksPath(volume, "replace"), { disk: place, with: v.with, ...sent(v) }).then(() => `Disk ${place} of ${volume} is being replaced: see Jobs`)}>
			<div><b>{name}</b> is lost. Another disk takes its place and is rebuilt from the others.</div>
			<Field label="New disk" name="with" required autofocus hint="a block device, or a file: one that does not exist is made" spellcheck={false} />
			<Force />
		</Form>
	);
}

function OnlineDialog({ volume, place, name }) {
	return (
		<Form title={`Take back disk ${place} of ${volume}`} action="Take back" send={(v) => ask("POST", disksPath(volume, "online"), { disk: place, ...(v.at ? { at: v.at } : {}) }).then(() => `Disk ${place} of ${volume} is being taken back: see Jobs`)}>
			<div>For a disk that was only away: what has changed since is written to it, or everything when that is not known.</div>
			<Field label="Where it is now" name="at" autofocus defaultValue={name.replace(/^file:/, "")} spellcheck={false} />
		</Form>
	);
}

function spareBody(v) {
	const bytes = v.size ? parseSize(v.size) : undefined;
	if (Number.isNaN(bytes)) throw new Error(`"${v.size}" is not a size such as 200m, 1.5g`);
	return { disk: v.disk, ...(v.volume ? { volume: v.volume } : {}), ...(bytes ? { disk_size: bytes } : {}), ...sent(v) };
}

function SpareDialog() {
	return (
		<Form title="Keep a hot spare" action="Add" send={async (v) => { await ask("POST", "storage/spares", spareBody(v)); return `${v.disk} is a hot spare`; }}>
			<div>It takes the place of the next disk that is lost, by itself.</div>
			<Field label="Disk" name="disk" required autofocus hint="a block device, or a file" spellcheck={false} />
			<Field label="Size" name="size" hint="of a file that does not exist yet: k, m, g, t are binary" />
			<label>For<select name="volume"><option value="">all volumes</option>{state.value.volumes.map((v) => <option value={v.name}>only {v.name}</option>)}</select></label>
			<Force />
		</Form>
	);
}

export const diskDialogs = { diskReplace: ReplaceDialog, diskOnline: OnlineDialog, spareAdd: SpareDialog };
