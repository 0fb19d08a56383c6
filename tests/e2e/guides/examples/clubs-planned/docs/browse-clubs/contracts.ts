// What every issue relies on
export interface Club {
  id: string;
  member_count: number;
}
