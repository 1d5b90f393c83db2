/** Encodes recorded commands and submits them. @module */
import type { Command } from "./pass.ts";
import { type Pipelines, uniformWindow } from "./pipelines.ts";
import type { Profile } from "./profile.ts";

/** Submits `commands` as one command buffer. */
export interface Encoder {
  /** `params` has {@linkcode uniformWindow} bytes a command. */
  submit(commands: ReadonlyArray<Command>, params: Uint8Array<ArrayBuffer>): void;
  readonly destroy: () => void;
}

const makeUniforms = (device: GPUDevice, size: number): GPUBuffer =>
  device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });

/** An encoder on `device`; with a `profile`, each command has a compute pass of its own. */
export const makeEncoder = (
  device: GPUDevice,
  pipelines: Pipelines,
  profile: Profile | undefined,
): Encoder => {
  let uniforms = makeUniforms(device, 256 * uniformWindow);
  return {
    submit: (commands, params) => {
      if (params.length > uniforms.size) {
        uniforms.destroy();
        uniforms = makeUniforms(device, params.length * 2);
      }
      device.queue.writeBuffer(uniforms, 0, params);
      const encoder = device.createCommandEncoder();
      let compute: GPUComputePassEncoder | undefined;
      profile?.begin(commands);
      for (const [index, { pipeline, tensors, grid }] of commands.entries()) {
        compute ??= encoder.beginComputePass(
          profile ? { timestampWrites: profile.timestamps(index) } : {},
        );
        const group = pipelines.bind(pipeline, uniforms, tensors);
        compute.setPipeline(pipeline.pipeline);
        compute.setBindGroup(0, group, [index * uniformWindow]);
        compute.dispatchWorkgroups(...grid);
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
