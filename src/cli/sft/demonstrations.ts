/** Demonstrations for data sets that have only solutions. */
import { formatDemonstration } from '../../data/response.ts';
import type { SampleSet } from '../../train/sample-order.ts';

/**
 * Each sample with a demonstration made of its tag and reference answer. Solutions hold no reasoning, so
 * the thinking is one sentence that names the modality: it teaches the output format and nothing else.
 */
export function fromSolutions(samples: SampleSet): SampleSet {
  return {
    size: samples.size,
    at: async (index) => {
      const sample = await samples.at(index);
      const { modality, reference: answer } = sample;
      const thinking = `Modality: ${modality.toLowerCase().replaceAll('_', ' ')}.`;
      return { ...sample, demonstration: formatDemonstration({ modality, thinking, answer }) };
    },
  };
}
