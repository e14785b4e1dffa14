/** The vision tower of a model as a graph, by the kind that its family has. */
import type { VisionConfig } from '../geometry.ts';
import type { NetworkWeights } from '../network-weights.ts';
import { windowedTower } from './qwen2-5-vl-tower.ts';
import { tableTower } from './qwen3-vl-tower.ts';
import type { VisionGraph } from './tower-inputs.ts';

export function visionGraph(vision: VisionConfig, weights: NetworkWeights): VisionGraph {
  switch (vision.tower) {
    case 'table':
      return tableTower(vision, weights);
    case 'windowed':
      return windowedTower(vision, weights);
  }
}
