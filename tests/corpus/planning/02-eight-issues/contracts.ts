// Shapes that all issues use
export interface Shelf {
  id: string;
  book_count: number;
}

// Issue #63 provides, #67 relies on it
export interface ShelfDetails extends Shelf {
  books: string[];
}
