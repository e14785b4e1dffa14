/**
 * Works on items of a stream side by side, a bounded number at once: memory does not grow with the
 * stream. Results come as they are done, in no particular order. An item is taken only when there is
 * room. An error of one item, or of the stream, ends it; what is under way then ends by itself.
 *
 * @param size at least 1
 */
export async function* inWindow<Item, Result>(
  items: AsyncIterable<Item>,
  size: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const finished: (() => Result)[] = [];
  let wake = () => {};
  const finish = (result: () => Result) => {
    finished.push(result);
    wake();
  };
  let open = 0;
  for await (const item of items) {
    open++;
    work(item).then(
      (result) => finish(() => result),
      (error) =>
        finish(() => {
          throw error;
        }),
    );
    while (finished.length > 0 || open >= size) {
      yield await next();
      open--;
    }
  }
  for (; open > 0; open--) yield await next();

  async function next(): Promise<Result> {
    while (finished.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return (finished.shift() as () => Result)();
  }
}
