/** Draws a Vega-Lite specification into a file: SVG, on white, so that it reads on pages of any colour. */
import { writeFile } from 'node:fs/promises';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

export async function writePicture(file: string, spec: TopLevelSpec): Promise<void> {
  const view = new View(parse(compile({ background: 'white', padding: 12, ...spec }).spec), {
    renderer: 'none',
  });
  await writeFile(file, await view.toSVG());
  view.finalize();
}
