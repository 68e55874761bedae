// SPDX-License-Identifier: Apache-2.0
// The dialogs.
import { ask, state } from "./api.js";
import { diskDialogs } from "./disks.jsx";
import { dialog, Field, Form } from "./form.jsx";
import { parseSize, size, sizeText } from "./format.js";
import { AutodeleteDialog, ScheduleDialog } from "./policy.jsx";

function sizeOf(text) {
	const bytes = parseSize(text);
	if (Number.isNaN(bytes) || bytes === 0) throw new Error(`"${text}" is not a size such as 200m, 1.5g`);
	return bytes;
}

const VolumeSelect = () => (
	<label>Volume<select name="volume">{state.value.volumes.filter((v) => v.state === "online").map((v) => <option>{v.name}</option>)}</select></label>
);

function SnapshotDialog({ volume }) {
	return (
		<Form title="Create a snapshot" action="Create" send={(v) => ask("POST", `storage/volumes/${encodeURIComponent(v.volume ?? volume)}/snapshots`, { name: v.name }).then(() => `Snapshot ${v.name} created`)}>
			{volume ? <div>of volume <b>{volume}</b></div> : <VolumeSelect />}
			<Field label="Name" name="name" required autofocus maxLength={255} />
		</Form>
	);
}

function LunDialog() {
	return (
		<Form title="Create a LUN" action="Create" send={(v) => ask("POST", "storage/luns", { path: `/vol/${v.volume}/${v.name}`, size: sizeOf(v.size), reserved: v.reserved === "on", comment: v.comment }).then(() => `LUN ${v.name} created`)}>
			<VolumeSelect />
			<Field label="Name" name="name" required autofocus />
			<Field label="Size" name="size" required value="1g" hint="k, m, g, t are binary" />
			<label class="line"><input type="checkbox" name="reserved" defaultChecked />Set the space aside</label>
			<Field label="Comment" name="comment" maxLength={255} />
		</Form>
	);
}

function RenameDialog({ volume, snapshot }) {
	return (
		<Form title={`Rename snapshot ${snapshot}`} action="Rename" send={(v) => ask("PATCH", `storage/volumes/${encodeURIComponent(volume)}/snapshots/${encodeURIComponent(snapshot)}`, { name: v.name }).then(() => `Snapshot ${snapshot} is ${v.name} now`)}>
			<div>of volume <b>{volume}</b>. A schedule does not delete it any more when it has another name.</div>
			<Field label="New name" name="name" required autofocus maxLength={103} defaultValue={snapshot} />
		</Form>
	);
}

function RestoreDialog({ volume, snapshot }) {
	const of = state.value.snapshots.filter((s) => s.volume === volume);
	const newer = of.slice(of.findIndex((s) => s.name === snapshot) + 1).map((s) => s.name);
	const path = `storage/volumes/${encodeURIComponent(volume)}/snapshots/${encodeURIComponent(snapshot)}/restore`;
	return (
		<Form title={`Put ${volume} back to ${snapshot}`} action="Restore" danger send={(v) => ask("POST", path, v.force === "on" ? { force: true } : undefined).then(() => `${volume} is being put back to ${snapshot}`)}>
			<div>Everything that changed in <b>{volume}</b> since <b>{snapshot}</b> is lost{newer.length > 0 && <>, and so are the newer snapshots: <b>{newer.join(", ")}</b></>}. Clients wait meanwhile.</div>
			<label class="line"><input type="checkbox" name="force" />Also when LUNs are backed by newer snapshots: they are lost</label>
		</Form>
	);
}

// Any file or LUN of the snapshot; the page knows the LUNs of today, the server knows the rest.
function RestoreFileDialog({ volume, snapshot }) {
	const luns = state.value.luns.filter((l) => l.volume === volume);
	const path = `storage/volumes/${encodeURIComponent(volume)}/snapshots/${encodeURIComponent(snapshot)}/restore-file`;
	return (
		<Form title={`Put one file or LUN back to ${snapshot}`} action="Restore" danger send={(v) => ask("POST", path, { path: v.path }).then(() => `${v.path} is being put back to ${snapshot}`)}>
			<div>What was written to it since is lost; everything else in <b>{volume}</b> stays. One that was removed comes back.</div>
			<label>Path<input name="path" list="lun-paths" required autofocus value={`/vol/${volume}/`} spellcheck={false} /></label>
			<datalist id="lun-paths">{luns.map((l) => <option value={l.path} />)}</datalist>
		</Form>
	);
}

// Every LUN of the active file system as it is in the snapshot; the server says when one was not there yet.
function BackedDialog({ volume, snapshot }) {
	const luns = state.value.luns.filter((l) => l.volume === volume);
	const prefix = `/vol/${volume}/`;
	return (
		<Form
			title="Create a LUN backed by a snapshot" action="Create"
			send={(v) => ask("POST", "storage/luns", { path: `${prefix}${v.name}`, backing: `/vol/${volume}/.snapshot/${snapshot}/${v.source}` }).then(() => `LUN ${v.name} created; it shares its blocks with ${snapshot}`)}
		>
			<div>Snapshot <b>{snapshot}</b> of volume <b>{volume}</b></div>
			<label>LUN in the snapshot<input name="source" list="lun-names" required autofocus value={luns[0]?.path.slice(prefix.length) ?? ""} /></label>
			<datalist id="lun-names">{luns.map((l) => <option value={l.path.slice(prefix.length)} />)}</datalist>
			<Field label="Name of the new LUN" name="name" required />
		</Form>
	);
}

const Priority = ({ value = "normal" }) => (
	<label>Priority<small>weight among the clones of the volume</small>
		<select name="priority" value={value}>
			{["1", "low", "3", "4", "normal", "6", "7", "8", "9", "high"].map((p) => <option value={p}>{p}</option>)}
		</select>
	</label>
);
const limitOf = (text) => (/^\s*0?\s*$/.test(text) ? 0 : sizeOf(text));

function CloneDialog({ path, snapshot, bytes }) {
	return (
		<Form
			title="Start the clone" action="Start"
			send={(v) => ask("POST", `storage/luns/${encodeURIComponent(path)}/clone`, {
				rate: limitOf(v.rate), priority: v.priority, verify: v.verify === "on", delete_snapshot: v.delete_snapshot === "on",
			}).then(() => `The clone of ${path} is running`)}
		>
			<div><b>{path}</b> ({size(bytes)}) is cut loose from snapshot <b>{snapshot}</b>. It stays in use meanwhile.</div>
			<Field label="At most, per second" name="rate" placeholder="no limit" hint="such as 50m" autofocus />
			<Priority />
			<label class="line"><input type="checkbox" name="verify" />Compare what was copied before the end</label>
			<label class="line"><input type="checkbox" name="delete_snapshot" />Delete the snapshot when nothing depends on it any more</label>
		</Form>
	);
}

function CloneModifyDialog({ path, rate, priority, verify, deletes }) {
	return (
		<Form
			title="Change the clone" action="Change"
			send={(v) => ask("PATCH", `storage/luns/${encodeURIComponent(path)}/clone`, {
				rate: limitOf(v.rate), priority: v.priority, verify: v.verify === "on", delete_snapshot: v.delete_snapshot === "on",
			}).then(() => `The clone of ${path} was changed`)}
		>
			<div>Clone of <b>{path}</b>: takes effect at once, and lasts.</div>
			<Field label="At most, per second" name="rate" placeholder="no limit" hint="such as 50m" value={rate ? sizeText(rate) : ""} autofocus />
			<Priority value={priority} />
			<label class="line"><input type="checkbox" name="verify" defaultChecked={verify} />Compare what was copied before the end</label>
			<label class="line"><input type="checkbox" name="delete_snapshot" defaultChecked={deletes} />Delete the snapshot when nothing depends on it any more</label>
		</Form>
	);
}

// `force`: what else would be lost, when the server refuses it otherwise.
function SureDialog({ title, text, action, method, path, body, force }) {
	return (
		<Form title={title} action={action} danger send={(v) => ask(method, v.force === "on" ? `${path}?force=true` : path, body).then(() => `${title}: done`)}>
			<div>{text}</div>
			{force && <label class="line"><input type="checkbox" name="force" />{force}</label>}
		</Form>
	);
}

const kinds = {
	schedule: ScheduleDialog, restore: RestoreDialog, restoreFile: RestoreFileDialog, autodelete: AutodeleteDialog, rename: RenameDialog, snapshot: SnapshotDialog, lun: LunDialog, backed: BackedDialog, clone: CloneDialog, cloneModify: CloneModifyDialog, sure: SureDialog, ...diskDialogs,
};

export function Dialogs() {
	const what = dialog.value;
	if (!what) return null;
	const Kind = kinds[what.kind];
	return <Kind key={JSON.stringify(what)} {...what} />;
}
