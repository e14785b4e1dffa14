import { describe, expect, it } from 'vitest';
import { checkDataAccess } from './data-access.ts';

const open = { id: 'open', access: 'public' } as const;
const mimic = { id: 'mimic', access: 'credentialed' } as const;
const ward = { id: 'ward', access: 'private' } as const;
const here = { use: 'model', url: 'http://127.0.0.1:8000/v1' };
const there = { use: 'judge', url: 'https://OpenRouter.ai/api/v1' };

describe('the data policy', () => {
  it('lets public data go anywhere and all data stay here', () => {
    expect(checkDataAccess([open], { servers: [here, there], agreements: [] })).toEqual([]);
    const loopback = ['http://localhost:1', 'http://[::1]:2/v1', here.url];
    const servers = loopback.map((url) => ({ use: 'model', url }));
    expect(checkDataAccess([mimic, ward], { servers, agreements: [] })).toEqual([]);
  });

  it('keeps credentialed and private data from every other host', () => {
    const problems = checkDataAccess([open, mimic, ward], {
      servers: [here, there],
      agreements: [],
    });
    expect(problems.map(({ where, got }) => [where, got])).toEqual([
      ['task mimic', 'the judge at openrouter.ai'],
      ['task ward', 'the judge at openrouter.ai'],
    ]);
    expect(problems[0]?.next).toMatch(/add openrouter\.ai to zeroRetention/);
    const tricks = [
      'http://127.0.0.1.evil.org',
      'http://localhost.evil.org',
      'http://10.0.0.5',
      'nonsense',
    ];
    const servers = tricks.map((url) => ({ use: 'embedder', url }));
    expect(checkDataAccess([mimic], { servers, agreements: [] })).toHaveLength(tricks.length);
  });

  it('allows the very hosts that the user states an agreement with', () => {
    const context = { servers: [there], agreements: ['openrouter.AI'] };
    expect(checkDataAccess([mimic], context)).toEqual([]);
    expect(checkDataAccess([mimic], { ...context, agreements: ['ai'] })).toHaveLength(1);
  });
});
