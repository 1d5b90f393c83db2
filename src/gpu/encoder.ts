/** Encodes recorded commands and submits them. @module */
import type { Command } from "./pass.ts";
import { type Pipelines, uniformWindow } from "./pipelines.ts";
import type { Profile } from "./profile.ts";
import type { Tensor } from "./tensor.ts";

/** Submits `commands` as one command buffer. */
export interface Encoder {
  /** `params` has {@linkcode uniformWindow} bytes a command. */
  submit(commands: ReadonlyArray<Command>, params: Uint8Array<ArrayBuffer>): void;
  readonly destroy: () => void;
}

const makeUniforms = (device: GPUDevice, size: number): GPUBuffer =>
  device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });

// A bind group with what it binds beside the uniforms.
interface Bound extends Pick<Command, "pipeline" | "tensors"> {
  readonly group: GPUBindGroup;
}

const isSameWindow = (one: Tensor, other: Tensor): boolean =>
  one.buffer === other.buffer && one.offset === other.offset && one.bytes === other.bytes;

const binds = ({ pipeline, tensors }: Bound, command: Command): boolean =>
  pipeline === command.pipeline &&
  tensors.every((tensor, index) => isSameWindow(tensor, command.tensors[index]!));

/** An encoder on `device`; with a `profile`, each command has a compute pass of its own. */
export const makeEncoder = (
  device: GPUDevice,
  pipelines: Pipelines,
  profile: Profile | undefined,
): Encoder => {
  let uniforms = makeUniforms(device, 256 * uniformWindow);
  // Those of the last submission by the command's index: one like it takes the same.
  let bound: Bound[] = [];
  return {
    submit: (commands, params) => {
      if (params.length > uniforms.size) {
        uniforms.destroy();
        uniforms = makeUniforms(device, params.length * 2);
        bound = [];
      }
      device.queue.writeBuffer(uniforms, 0, params);
      const encoder = device.createCommandEncoder();
      let compute: GPUComputePassEncoder | undefined;
      profile?.begin(commands);
      for (const [index, command] of commands.entries()) {
        const { pipeline, tensors, grid: [x, y, z] } = command;
        compute ??= encoder.beginComputePass(
          profile ? { timestampWrites: profile.timestamps(index) } : {},
        );
        let last = bound[index];
        if (!last || !binds(last, command)) {
          const group = pipelines.bind(pipeline, uniforms, tensors);
          last = bound[index] = { pipeline, tensors, group };
        }
        compute.setPipeline(pipeline.pipeline);
        compute.setBindGroup(0, last.group, [index * uniformWindow]);
        compute.dispatchWorkgroups(x, y, z);
        if (profile) {
          compute.end();
          compute = undefined;
        }
      }
      compute?.end();
      profile?.end(encoder);
      device.queue.submit([encoder.finish()]);
    },
    destroy: () => uniforms.destroy(),
  };
};
