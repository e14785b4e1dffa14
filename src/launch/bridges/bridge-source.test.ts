import { describe, expect, it } from 'vitest';
import { bridgeSource, bridgeTrainers } from './bridge-source.ts';

describe('bridge files', () => {
  it.each(bridgeTrainers)(
    '%s: one file with its address, needing nothing beside it',
    async (name) => {
      const source = await bridgeSource(name, 'http://10.0.0.5:8090/');
      expect(source.startsWith('"""The reward of MediX for ')).toBe(true);
      expect(source).toContain('os.environ.get("MEDIX_REWARD_URL", "http://10.0.0.5:8090")');
      expect(source).not.toMatch(/^(from|import) client/m);
      const imported = [...source.matchAll(/^(?:import|from) ([\w.]+)/gm)].map(
        ([, module]) => module,
      );
      expect(new Set(imported).size).toBe(imported.length);
      expect(source).not.toMatch(/\n{4}/);
    },
  );

  it('takes no address that is none, or that would put a password into the file', async () => {
    for (const url of ['10.0.0.5:8090', 'ftp://x', '']) {
      await expect(bridgeSource('trl', url)).rejects.toThrow(/--url: expected an http address/);
    }
    const secret = bridgeSource('trl', 'http://medix:secret@x:8090');
    await expect(secret).rejects.toThrow(/MEDIX_REWARD_TOKEN/);
    await expect(secret).rejects.not.toThrow(/secret/);
  });
});
